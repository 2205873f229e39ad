create or replace function likeness.lock_pictures(product_id bigint, is_for_upload boolean default false)
returns bigint[]
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_canonical bigint;
  v_hosts bigint[];
begin
  -- Imports of the supplier hold its row from plan to end, so that neither changes what the other has read.
  perform 1
     from likeness.suppliers s
    where s.id = (select p.supplier_id from likeness.products p where p.id = lock_pictures.product_id and p.status <> 'deleted')
      for no key update;
  if not found then
    raise exception 'there is no product %', product_id using errcode = 'LK002', table = 'products';
  end if;
  if is_for_upload then
    select p.canonical_product_id into v_canonical from likeness.products p where p.id = lock_pictures.product_id;
    perform 1 from likeness.canonical_products c where c.id = v_canonical for no key update;
  end if;
  -- Lock order of sql/README.md.
  select array_agg(l.id) into v_hosts
    from (select h.id
            from likeness.hosts h
           where h.id in (select i.host_id from likeness.images i where i.product_id = lock_pictures.product_id or i.canonical_product_id = v_canonical)
              or (is_for_upload and h.host = 'upload:')
           order by h.id
             for no key update) l;
  perform 1
     from likeness.images i
    where i.product_id = lock_pictures.product_id or i.canonical_product_id = v_canonical
    order by i.id
      for update;
  return coalesce(v_hosts, '{}');
end
$$;
comment on function likeness.lock_pictures(bigint, boolean) is
  'Has a product''s pictures for one caller alone, imports included, until the transaction ends; for an upload also the shared ones of its canonical product. Returns their hosts, which are locked. Every function that staff changes pictures with begins with it.';
