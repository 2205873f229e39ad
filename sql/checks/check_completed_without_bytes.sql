create or replace view likeness.check_completed_without_bytes as
select i.id as image_id, i.status, b.status as blob_status,
       format('select likeness.queue_images(array[%s]);', i.id) as hint
  from likeness.images i
  join likeness.blobs b on b.sha256 = i.blob_sha256
 where b.status <> 'stored'
    or not exists (select from jsonb_array_elements(b.renditions) r where r ->> 'preset' = 'thumb')
    or not exists (select from jsonb_array_elements(b.renditions) r where r ->> 'preset' = 'medium');
comment on view likeness.check_completed_without_bytes is 'Pictures that show bytes which are not all stored.';
comment on column likeness.check_completed_without_bytes.image_id is 'The picture.';
comment on column likeness.check_completed_without_bytes.status is 'Its status.';
comment on column likeness.check_completed_without_bytes.blob_status is 'Status of the bytes.';
comment on column likeness.check_completed_without_bytes.hint is 'What to do.';
