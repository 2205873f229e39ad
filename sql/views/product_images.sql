create or replace view likeness.product_images as
select i.product_id, i.position, i.role, case when i.is_check then 'completed' else i.status end as status, i.id as image_id, i.priority, i.attempts, i.failure_reason, i.failure_text,
       i.queued_at, i.retry_at, i.mirrored_at, i.blob_sha256 as sha256, b.format, b.width, b.height, b.bytes,
       (select jsonb_agg(r || jsonb_build_object('url', likeness.rendition_url(b.sha256, r)) order by (r ->> 'width')::int)
          from jsonb_array_elements(b.renditions) r) as renditions,
       i.source_url, i.fetch_url
  from likeness.images i
  left join likeness.blobs b on b.sha256 = i.blob_sha256 and b.status = 'stored'
 where i.product_id is not null;
comment on view likeness.product_images is 'Every picture of each product: its place, its state and what exists of it.';
comment on column likeness.product_images.product_id is 'The product.';
comment on column likeness.product_images.position is 'Order among the product''s pictures; 0 comes first.';
comment on column likeness.product_images.role is 'hero, gallery or thumb.';
comment on column likeness.product_images.status is 'pending, processing, completed, failed or outdated.';
comment on column likeness.product_images.image_id is 'The picture.';
comment on column likeness.product_images.priority is '3 viewed now, 2 listed just now, 1 popular, 0 rest.';
comment on column likeness.product_images.attempts is 'Attempts that failed since it was last completed or queued.';
comment on column likeness.product_images.failure_reason is 'Code of failure_reasons.';
comment on column likeness.product_images.failure_text is 'The same in words, with the particulars.';
comment on column likeness.product_images.queued_at is 'Waiting since.';
comment on column likeness.product_images.retry_at is 'Tried again at.';
comment on column likeness.product_images.mirrored_at is 'When its bytes were last fetched or confirmed.';
comment on column likeness.product_images.sha256 is 'The bytes it shows.';
comment on column likeness.product_images.format is 'Format of the original.';
comment on column likeness.product_images.width is 'Width of the upright original.';
comment on column likeness.product_images.height is 'Height of the upright original.';
comment on column likeness.product_images.bytes is 'Length of the original.';
comment on column likeness.product_images.renditions is 'The sizes that exist, smallest first, each with its url.';
comment on column likeness.product_images.source_url is 'Address or path as the feed gave it.';
comment on column likeness.product_images.fetch_url is 'Address it is fetched from.';
