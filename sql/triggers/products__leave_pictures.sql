create or replace function likeness.products__leave_pictures()
returns trigger
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_canonicals bigint[];
begin
  select array_agg(distinct g.canonical_product_id) into v_canonicals from gone g where g.canonical_product_id is not null;
  if v_canonicals is not null then
    perform likeness.settle_pictures(v_canonicals);
  end if;
  return null;
end
$$;
comment on function likeness.products__leave_pictures() is 'Finds other pictures for canonical products whose pictures went with a product.';
create or replace trigger products__leave_pictures
  after delete on likeness.products
  referencing old table as gone
  for each statement
  execute function likeness.products__leave_pictures();
comment on trigger products__leave_pictures on likeness.products is 'Pictures follow links, also when products are deleted.';
