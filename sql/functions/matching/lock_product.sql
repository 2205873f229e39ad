create or replace function likeness.lock_product(product_id bigint)
returns likeness.products
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_product likeness.products;
begin
  -- An import holds its supplier and changes products as it likes: it is waited for here, where nothing is held yet.
  perform 1
     from likeness.suppliers s
    where s.id = (select p.supplier_id from likeness.products p where p.id = lock_product.product_id)
      for share;
  select p.* into v_product from likeness.products p where p.id = lock_product.product_id for no key update;
  if not found then
    raise exception 'there is no product %', product_id using errcode = 'LK002', table = 'products';
  end if;
  perform likeness.lock_matching();
  return v_product;
end
$$;
comment on function likeness.lock_product(bigint) is 'Locks a product for a decision about it, in the order of sql/README.md, and takes the turn of lock_matching().';
