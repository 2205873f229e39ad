create or replace view likeness.check_shared_pictures as
select c.id as canonical_product_id, c.picture_product_id as product_id, 'it shares the pictures of a product that is not linked to it' as problem,
       format('select likeness.settle_pictures(array[%s]);', c.id) as hint
  from likeness.canonical_products c
  join likeness.products p on p.id = c.picture_product_id
 where p.canonical_product_id is distinct from c.id or p.use_custom_image
 union all
select c.id, p.id, 'it shares no pictures though a product of it has some', format('select likeness.settle_pictures(array[%s]);', c.id)
  from likeness.products p
  join likeness.canonical_products c on c.id = p.canonical_product_id
 where c.picture_product_id is null and p.linked_at is not null and p.status <> 'deleted' and not p.use_custom_image
   and exists (select from likeness.images i where i.product_id = p.id and i.blob_sha256 is not null and i.mirrored_at < likeness.clock() - interval '15 minutes')
 union all
-- What a sweep mends by itself is looked at later.
select p.canonical_product_id, p.id, 'a picture that nobody needs waits to be fetched', format('select likeness.settle_pictures(array[%s]);', p.canonical_product_id)
  from likeness.images i
  join likeness.products p on p.id = i.product_id and p.canonical_product_id is not null
 where i.queued_at < likeness.clock() - interval '15 minutes' and i.blob_sha256 is null and i.priority < 2 and likeness.is_spared(p.id)
 union all
select p.canonical_product_id, p.id, 'a picture that is needed does not wait to be fetched', format('select likeness.queue_images(array[%s]);', i.id)
  from likeness.products p
  join likeness.datasets d on d.id = p.dataset_id and d.status = 'active'
  join likeness.images i on i.product_id = p.id and i.status = 'pending' and i.queued_at is null
 where p.status = 'active' and (p.linked_at is not null or p.matched_at is not null)
   and i.updated_at < likeness.clock() - interval '15 minutes' and not likeness.is_spared(p.id);
comment on view likeness.check_shared_pictures is 'Products that do not have the pictures that their links entitle them to.';
comment on column likeness.check_shared_pictures.canonical_product_id is 'The canonical product; null: the product is not linked.';
comment on column likeness.check_shared_pictures.product_id is 'The product.';
comment on column likeness.check_shared_pictures.problem is 'What is wrong.';
comment on column likeness.check_shared_pictures.hint is 'What to do.';
