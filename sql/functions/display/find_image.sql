create or replace function likeness.find_image(supplier text, sku text, "position" int default 0)
returns table (product_id bigint, image_id bigint)
language sql
stable parallel safe
begin atomic
  select p.id, i.id
    from likeness.suppliers s
    join likeness.products p on p.supplier_id = s.id and p.sku = find_image.sku
    left join likeness.images i on i.product_id = p.id and i.position = find_image.position
   where s.name = find_image.supplier or s.id::text = find_image.supplier
   -- A name may look like the key of another: who was here first keeps its aliases.
   order by s.id
   limit 1;
end;
comment on function likeness.find_image(text, text, int) is 'The product and the picture behind a stable alias /i/{supplier}/{sku}/{position}/{context}; the supplier by name or id.';
