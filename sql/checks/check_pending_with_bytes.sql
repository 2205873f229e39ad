create or replace view likeness.check_pending_with_bytes as
select i.id as image_id, i.blob_sha256,
       format('update likeness.images set blob_sha256 = null where id = %s;', i.id) as hint
  from likeness.images i
 where i.status = 'pending' and i.blob_sha256 is not null;
comment on view likeness.check_pending_with_bytes is 'Pictures that wait to be fetched for the first time, yet show bytes.';
comment on column likeness.check_pending_with_bytes.image_id is 'The picture.';
comment on column likeness.check_pending_with_bytes.blob_sha256 is 'The bytes that it shows.';
comment on column likeness.check_pending_with_bytes.hint is 'What to do.';
