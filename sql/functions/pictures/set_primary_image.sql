create or replace function likeness.set_primary_image(product_id bigint, image_id bigint)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  perform likeness.lock_pictures(set_primary_image.product_id);
  if not exists (select from likeness.images i where i.id = set_primary_image.image_id and i.product_id = set_primary_image.product_id) then
    raise exception 'product % has no picture %', product_id, image_id using errcode = 'LK002';
  end if;
  perform likeness.arrange_images(
    set_primary_image.product_id,
    (select array_agg(i.id order by i.id <> set_primary_image.image_id, i.position)
       from likeness.images i
      where i.product_id = set_primary_image.product_id));
end
$$;
comment on function likeness.set_primary_image(bigint, bigint) is 'Puts one picture of a product first and leaves the others in their order.';
