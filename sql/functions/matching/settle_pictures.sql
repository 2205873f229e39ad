create or replace function likeness.settle_pictures(canonical_product_ids bigint[], product_ids bigint[] default '{}', except_dataset_id bigint default null)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_products bigint[];
  v_images bigint[];
begin
  perform likeness.lock_matching();
  with chosen as materialized (
    select h.canonical_product_id, h.picture_product_id
      from likeness.choose_pictures(settle_pictures.canonical_product_ids) h
  ),
  changed as (
    update likeness.canonical_products c
       set picture_product_id = h.picture_product_id, updated_at = likeness.clock()
      from chosen h
     where c.id = h.canonical_product_id and c.picture_product_id is distinct from h.picture_product_id
    returning c.id
  )
  select array_agg(p.id) into v_products
    from likeness.products p
   where p.canonical_product_id in (select n.id from changed n);
  v_products := v_products || settle_pictures.product_ids;
  if cardinality(settle_pictures.product_ids) = 0 then
    v_products := array(select p.id from likeness.products p where p.canonical_product_id = any(settle_pictures.canonical_product_ids));
  end if;

  select array_agg(i.id) into v_images
    from likeness.images i
   where i.product_id = any(v_products) and i.queued_at is not null and likeness.is_spared(i.product_id);
  if v_images is not null then
    perform likeness.spare_images(v_images);
  end if;
  select array_agg(i.id) into v_images
    from likeness.images i
    join likeness.products p on p.id = i.product_id and p.status = 'active'
    join likeness.datasets d on d.id = p.dataset_id and d.status = 'active'
   where i.product_id = any(v_products) and i.queued_at is null and i.status in ('pending', 'outdated')
     and p.dataset_id is distinct from settle_pictures.except_dataset_id
     and (p.canonical_product_id is null or not likeness.is_spared(p.id));
  if v_images is not null then
    perform likeness.queue_images(v_images);
  end if;
end
$$;
comment on function likeness.settle_pictures(bigint[], bigint[], bigint) is
  'Gives products their right pictures after links changed: decides whose pictures each canonical product shares, takes pictures that nobody needs any more out of the queue and queues those that are needed again. product_ids: those whose link changed; none: all of the canonical products. except_dataset_id: a dataset whose pictures are queued by whoever calls.';
