create or replace function likeness.find_by_barcode(product_ids bigint[])
returns table (product_id bigint, canonical_product_id bigint, grade int, gtin text, repair text, overlap real, packs_differ boolean)
language sql
stable parallel safe
begin atomic
  with readings as materialized (
    -- One that was right as it came has no other reading, but for eight digits: they may be EAN-8 or UPC-E.
    select p.id, p.name, p.gtin, 1 as grade, null as repair
      from likeness.products p
     where p.id = any(find_by_barcode.product_ids) and p.gtin is not null and p.gtin_note is null and p.gtin !~ '^000000'
     union all
    select p.id, p.name, r.gtin, r.grade, r.repair
      from likeness.products p
     cross join lateral likeness.read_gtin(coalesce(p.gtin_raw, p.gtin)) r
     where p.id = any(find_by_barcode.product_ids) and (p.gtin is null or p.gtin_note is not null or p.gtin ~ '^000000') and r.gtin is not null
     union all
    -- What is in a case: the same number at the level of the unit. Never more than a hint.
    select p.id, p.name, u.body || likeness.gtin_check_digit(u.body), 3, 'it is the barcode of a case'
      from likeness.products p
     cross join lateral (select '0' || substr(p.gtin, 2, 12) as body) u
     where p.id = any(find_by_barcode.product_ids) and p.gtin ~ '^[1-8]'
  )
  select distinct on (h.product_id, h.canonical_product_id) h.product_id, h.canonical_product_id, h.grade, h.gtin, h.repair, likeness.overlap_names(h.name, c.name),
         likeness.packs_contradict(h.name, c.name)
    from (
      select r.id as product_id, k.id as canonical_product_id, r.grade, r.gtin, r.repair, r.name
        from readings r
        join likeness.canonical_products k on k.gtin = r.gtin
       union all
      -- A barcode that a linked product of another store has.
      select r.id, o.canonical_product_id, r.grade, r.gtin, r.repair, r.name
        from readings r
        join likeness.products o on o.gtin = r.gtin and o.canonical_product_id is not null and o.gtin is not null and o.id <> r.id) h
    join likeness.canonical_products c on c.id = h.canonical_product_id
   order by h.product_id, h.canonical_product_id, h.grade;
end;
comment on function likeness.find_by_barcode(bigint[]) is
  'Canonical products that have the barcode of a product, or whose other products have it, by every reading of it; overlap says how alike the names are, packs_differ that they are sold by other numbers. grade: 1, its check digit proves it; 2, only the name can; 3, it is the barcode of a case. Part of plan_matches().';
