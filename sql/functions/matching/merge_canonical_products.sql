create or replace function likeness.merge_canonical_products(
  canonical_product_id bigint, into_canonical_product_id bigint, decided_by text default session_user, reason text default '')
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_from likeness.canonical_products;
  v_into likeness.canonical_products;
  v_log bigint;
  v_product bigint;
  v_products bigint[];
  v_rejections jsonb;
  v_images bigint[];
begin
  perform likeness.need_person(merge_canonical_products.decided_by);
  if canonical_product_id = into_canonical_product_id then
    raise exception 'canonical product % cannot be merged into itself', canonical_product_id using errcode = 'LK004';
  end if;
  perform likeness.lock_canonicals(array[canonical_product_id, into_canonical_product_id]);
  select c.* into v_from from likeness.canonical_products c where c.id = merge_canonical_products.canonical_product_id for update;
  if not found then
    raise exception 'there is no canonical product %, or it was merged already', canonical_product_id using errcode = 'LK002', hint = 'select * from likeness.match_log where was_canonical_product_id = its id;';
  end if;
  select c.* into v_into from likeness.canonical_products c where c.id = merge_canonical_products.into_canonical_product_id for no key update;
  if not found then
    raise exception 'there is no canonical product %, or it was merged already', into_canonical_product_id using errcode = 'LK002', hint = 'select * from likeness.match_log where was_canonical_product_id = its id;';
  end if;
  select r.product_id, r.log_id into v_product, v_log
    from likeness.match_rejections r
    join likeness.products p on p.id = r.product_id
   where (r.canonical_product_id = v_from.id and p.canonical_product_id = v_into.id)
      or (r.canonical_product_id = v_into.id and p.canonical_product_id = v_from.id)
   order by r.log_id
   limit 1;
  if found then
    raise exception 'decision % says that product % of the one is not the other', v_log, v_product
      using errcode = 'LK003', hint = format('select likeness.undo_match(%s); first.', v_log);
  end if;

  v_products := array(select p.id from likeness.products p where p.canonical_product_id = v_from.id order by p.id);
  select coalesce(jsonb_agg(to_jsonb(r)), '[]') into v_rejections from likeness.match_rejections r where r.canonical_product_id = v_from.id;
  v_images := array(select i.id from likeness.images i where i.canonical_product_id = v_from.id order by i.position);
  v_log := likeness.write_decision(
    'merged', null, v_into.id, v_from.id, merge_canonical_products.decided_by, null, merge_canonical_products.reason,
    jsonb_build_object('canonical_product', to_jsonb(v_from), 'into_gtin', v_into.gtin, 'product_ids', to_jsonb(v_products), 'rejections', v_rejections,
                       'image_ids', to_jsonb(v_images)));
  -- Its own pictures come after those that are there.
  update likeness.images i
     set canonical_product_id = v_into.id, position = n.position, updated_at = likeness.clock()
    from (select g.id, coalesce((select max(o.position) + 1 from likeness.images o where o.canonical_product_id = v_into.id), 0)
                       + row_number() over (order by g.position) - 1 as position
            from likeness.images g
           where g.canonical_product_id = v_from.id) n
   where i.id = n.id;
  insert into likeness.match_rejections (product_id, canonical_product_id, log_id)
  select r.product_id, v_into.id, r.log_id
    from likeness.match_rejections r
   where r.canonical_product_id = v_from.id
  on conflict do nothing;
  update likeness.products p set canonical_product_id = v_into.id where p.canonical_product_id = v_from.id;
  perform likeness.replace_candidate(v_from.id, v_into.id);
  -- Who waits with the second alone may have been said not to be the first.
  if v_rejections <> '[]' then
    perform likeness.replace_candidate(v_into.id, v_into.id);
  end if;
  delete from likeness.canonical_products c where c.id = v_from.id;
  update likeness.canonical_products c
     set gtin = coalesce(c.gtin, v_from.gtin), brand = coalesce(c.brand, v_from.brand), mpn = coalesce(c.mpn, v_from.mpn),
         size = coalesce(c.size, v_from.size), updated_at = likeness.clock()
   where c.id = v_into.id;
  perform likeness.settle_pictures(array[v_into.id]);
  return v_log;
end
$$;
comment on function likeness.merge_canonical_products(bigint, bigint, text, text) is
  'A person says that two canonical products are one: products, pictures and rejections of the first move to the second, and the first goes. Returns the decision, which undo_match() takes.';
