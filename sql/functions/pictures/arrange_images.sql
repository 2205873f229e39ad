create or replace function likeness.arrange_images(product_id bigint, image_ids bigint[])
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  perform likeness.lock_pictures(arrange_images.product_id);
  if (select array_agg(i.id order by i.id) from likeness.images i where i.product_id = arrange_images.product_id)
     is distinct from (select array_agg(o.id order by o.id) from unnest(arrange_images.image_ids) o (id)) then
    raise exception 'an order names each picture of product % once', product_id
      using errcode = 'LK003', hint = 'The list may have changed meanwhile: read it again.';
  end if;
  -- One statement: positions are unique at its end, not within it.
  update likeness.images i
     set position = (o.turn - 1)::smallint, updated_at = likeness.clock(),
         role = case when i.role = 'thumb' then 'thumb' when o.turn = 1 then 'hero' else 'gallery' end
    from unnest(arrange_images.image_ids) with ordinality o (id, turn)
   where i.id = o.id and i.position <> o.turn - 1;
  update likeness.products p set is_curated = true where p.id = arrange_images.product_id and not p.is_curated;
end
$$;
comment on function likeness.arrange_images(bigint, bigint[]) is
  'Puts a product''s pictures in this order, all of them or none; the first stands for the product. From then on feeds move none of them. The list names each picture once, else SQLSTATE LK003.';
