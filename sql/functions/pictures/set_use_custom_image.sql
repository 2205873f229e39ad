create or replace function likeness.set_use_custom_image(product_id bigint, use_custom_image boolean)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  if set_use_custom_image.use_custom_image is null then
    raise exception 'use_custom_image must be true or false, not null' using errcode = 'LK004';
  end if;
  update likeness.products p
     set use_custom_image = set_use_custom_image.use_custom_image
   where p.id = set_use_custom_image.product_id and p.status <> 'deleted';
  if not found then
    raise exception 'there is no product %', product_id using errcode = 'LK002', table = 'products';
  end if;
end
$$;
comment on function likeness.set_use_custom_image(bigint, boolean) is
  'Has a store''s product show its own pictures even where shared ones exist, or no longer.';
