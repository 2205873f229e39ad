create or replace function likeness.create_canonicals(decisions likeness.match_decision[])
returns likeness.match_decision[]
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_made jsonb;
begin
  -- Products of one barcode are one thing, unless their names say otherwise; without one, each is its own.
  with wanted as (
    select distinct on (coalesce(p.gtin, p.id::text)) coalesce(p.gtin, p.id::text) as key, p.*
      from unnest(decisions) d
      join likeness.products p on p.id = d.product_id
     where d.action = 'create'
     order by coalesce(p.gtin, p.id::text), p.id
  ),
  made as (
    select w.key, coalesce(nullif(w.name, ''), w.sku) as name, w.brand,
           -- A barcode that this product was said not to be of stays where it is.
           case when not exists (select from likeness.canonical_products c where c.gtin = w.gtin) then w.gtin end as gtin, w.mpn, w.size, w.price
      from wanted w
  ),
  inserted as (
    insert into likeness.canonical_products (name, brand, gtin, mpn, size, price, created_at, updated_at)
    select m.name, m.brand, m.gtin, m.mpn, m.size, m.price, likeness.clock(), likeness.clock()
      from made m
     order by m.key
    returning id
  ),
  numbered as (
    -- Keys are given out in the order of the insert.
    select m.key, i.id
      from (select n.key, row_number() over (order by n.key) as turn from made n) m
      join (select n.id, row_number() over (order by n.id) as turn from inserted n) i using (turn)
  )
  select jsonb_object_agg(n.key, jsonb_build_object('id', n.id, 'product_id', w.id, 'name', w.name)) into v_made
    from numbered n
    join wanted w using (key);
  return array(
    select case when d.action <> 'create' then d
                when p.id = (m.made ->> 'product_id')::bigint
                  then row(d.product_id, d.action, (m.made ->> 'id')::bigint, d.confidence, d.method, d.reason, d.candidates)::likeness.match_decision
                else likeness.decide_barcode(p.id, p.gtin, p.name, (m.made ->> 'id')::bigint, m.made ->> 'name') end
      from unnest(decisions) d
      join likeness.products p on p.id = d.product_id
     cross join lateral (select v_made -> coalesce(p.gtin, p.id::text) as made) m);
end
$$;
comment on function likeness.create_canonicals(likeness.match_decision[]) is 'Makes the canonical products that decisions to create ask for, and writes their keys into the decisions. Part of match_products().';
