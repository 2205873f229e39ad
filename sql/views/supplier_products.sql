create or replace view likeness.supplier_products as
select p.id as product_id, s.name as supplier, p.sku, p.name, p.status as product_status,
       case when i.id is null then 'no-image' when i.is_check then 'completed' else i.status end as image_processing_status,
       i.mirrored_at as image_cached_at,
       i.attempts as image_processing_attempts,
       case when i.failure_reason is not null then i.failure_reason || ': ' || coalesce(i.failure_text, '') end as image_processing_error,
       -- Here and not joined, so that who does not ask for it does not pay for it.
       (select jsonb_build_object('thumb', coalesce(u.thumb, u.medium), 'medium', coalesce(u.medium, u.thumb))
          from (select max(likeness.rendition_url(b.sha256, r)) filter (where r ->> 'preset' = 'thumb') as thumb,
                       max(likeness.rendition_url(b.sha256, r)) filter (where r ->> 'preset' = 'medium') as medium
                  from jsonb_array_elements(b.renditions) r
                 where r ->> 'format' = 'webp') u) as cached_image_urls,
       s.id as supplier_id, p.dataset_id, i.id as image_id
  from likeness.products p
  join likeness.suppliers s on s.id = p.supplier_id
  -- Its own, or of a linked one the picture that it shares, where there is one.
  left join lateral (
    select g.*
      from (
        select o.*, not p.use_custom_image as is_behind from likeness.images o where o.product_id = p.id
         union all
        select o.*, p.use_custom_image from likeness.images o where o.canonical_product_id = p.canonical_product_id
         union all
        select o.*, p.use_custom_image
          from likeness.canonical_products c
          join likeness.images o on o.product_id = c.picture_product_id
         where c.id = p.canonical_product_id and c.picture_product_id <> p.id) g
     order by p.canonical_product_id is not null and g.blob_sha256 is null, p.canonical_product_id is not null and g.is_behind, g.position, g.id
     limit 1) i on true
  left join likeness.blobs b on b.sha256 = i.blob_sha256 and b.status = 'stored';
comment on view likeness.supplier_products is 'Each product with the state of the picture that stands for it, under the names of the old contract.';
comment on column likeness.supplier_products.product_id is 'Key of the product.';
comment on column likeness.supplier_products.supplier is 'Its supplier''s name.';
comment on column likeness.supplier_products.sku is 'The supplier''s own number.';
comment on column likeness.supplier_products.name is 'Its name.';
comment on column likeness.supplier_products.product_status is 'active, inactive or deleted.';
comment on column likeness.supplier_products.image_processing_status is 'pending, processing, completed, failed, outdated or no-image.';
comment on column likeness.supplier_products.image_cached_at is 'When the picture was last fetched or confirmed.';
comment on column likeness.supplier_products.image_processing_attempts is 'Attempts that failed since it was last completed or queued.';
comment on column likeness.supplier_products.image_processing_error is 'Why the last attempt failed.';
comment on column likeness.supplier_products.cached_image_urls is '{"thumb": url, "medium": url}, null where not made yet; of a picture so small that it has one size, both are that.';
comment on column likeness.supplier_products.supplier_id is 'Key of the supplier.';
comment on column likeness.supplier_products.dataset_id is 'Import that last told of it.';
comment on column likeness.supplier_products.image_id is 'Its first picture, or the one that it shares.';
