create or replace view likeness.picture_sharing as
with shared as (
  select c.id as canonical_product_id, c.picture_product_id, i.blob_sha256, i.position, b.bytes
    from likeness.canonical_products c
    join likeness.images i on i.product_id = c.picture_product_id
    join likeness.blobs b on b.sha256 = i.blob_sha256
   where not exists (select from likeness.images o where o.canonical_product_id = c.id and o.blob_sha256 is not null)
   union all
  select i.canonical_product_id, null, i.blob_sha256, i.position, b.bytes
    from likeness.images i
    join likeness.blobs b on b.sha256 = i.blob_sha256
   where i.canonical_product_id is not null
),
pictures as (
  select s.canonical_product_id, min(s.picture_product_id) as picture_product_id, count(distinct s.blob_sha256) as pictures, avg(s.bytes) as bytes
    from shared s
   group by s.canonical_product_id
),
sharing as (
  select h.canonical_product_id, h.pictures, h.bytes, p.id as product_id, p.id is not distinct from h.picture_product_id as is_source
    from pictures h
    join likeness.products p on p.canonical_product_id = h.canonical_product_id and p.status <> 'deleted' and not p.use_custom_image
),
spared as (
  select coalesce(x.bytes, g.bytes) as bytes
    from sharing g
    join likeness.images i on i.product_id = g.product_id and i.blob_sha256 is null and i.status = 'pending' and i.queued_at is null
    left join lateral (
      select s.bytes from shared s where s.canonical_product_id = g.canonical_product_id and s.position = i.position limit 1) x on true
   where not g.is_source
)
select (select count(distinct g.canonical_product_id) from sharing g) as canonical_products,
       (select count(*) from sharing g) as products,
       (select sum(h.pictures) from pictures h where h.canonical_product_id in (select g.canonical_product_id from sharing g))::bigint as pictures,
       round((select count(*) from sharing g)::numeric / nullif((select count(distinct g.canonical_product_id) from sharing g), 0), 2) as products_per_picture,
       (select count(*) from sharing g where not g.is_source) as products_without_own,
       (select count(*) from spared f) as fetches_saved,
       coalesce((select sum(f.bytes) from spared f), 0)::bigint as bytes_saved;
comment on view likeness.picture_sharing is 'What sharing pictures saves.';
comment on column likeness.picture_sharing.canonical_products is 'Canonical products with a picture that products show.';
comment on column likeness.picture_sharing.products is 'Products that show it.';
comment on column likeness.picture_sharing.pictures is 'Different pictures of these canonical products.';
comment on column likeness.picture_sharing.products_per_picture is 'How many products show one set of pictures.';
comment on column likeness.picture_sharing.products_without_own is 'Of the products, those that show another''s picture.';
comment on column likeness.picture_sharing.fetches_saved is 'Pictures of their own that were never fetched because of that.';
comment on column likeness.picture_sharing.bytes_saved is 'Bytes these would have been, by the picture that is shown instead.';
