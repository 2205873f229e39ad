create or replace function likeness.describe_candidates(candidates jsonb)
returns jsonb
language sql
stable parallel safe
begin atomic
  select coalesce(jsonb_agg(
           e.candidate || jsonb_build_object(
             'name', c.name, 'brand', c.brand, 'gtin', c.gtin, 'mpn', c.mpn, 'size', c.size, 'picture_product_id', c.picture_product_id,
             'products', (select count(*) from likeness.products p where p.canonical_product_id = c.id))
           order by e.turn), '[]')
    from jsonb_array_elements(describe_candidates.candidates) with ordinality e (candidate, turn)
    join likeness.canonical_products c on c.id = (e.candidate ->> 'canonical_product_id')::bigint;
end;
comment on function likeness.describe_candidates(jsonb) is 'Candidates of a match with what a person wants to know of each: its name, brand, barcode, part number, size, how many products it has, and whose pictures it shares.';
