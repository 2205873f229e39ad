create or replace function likeness.products__share_pictures()
returns trigger
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_products bigint[];
  v_canonicals bigint[];
begin
  select array_agg(distinct n.id), array_agg(distinct c.id) filter (where c.id is not null)
    into v_products, v_canonicals
    from changed n
    join before b using (id)
   cross join lateral (values (n.canonical_product_id), (b.canonical_product_id)) c (id)
   where (n.canonical_product_id, n.use_custom_image) is distinct from (b.canonical_product_id, b.use_custom_image);
  if v_canonicals is not null then
    perform likeness.settle_pictures(v_canonicals, v_products);
  end if;
  return null;
end
$$;
comment on function likeness.products__share_pictures() is 'Gives products their right pictures when they are linked, unlinked, or begin or cease to have their own.';
create or replace trigger products__share_pictures
  after update on likeness.products
  referencing old table as before new table as changed
  for each statement
  execute function likeness.products__share_pictures();
comment on trigger products__share_pictures on likeness.products is 'Pictures follow links, whoever changes them.';
