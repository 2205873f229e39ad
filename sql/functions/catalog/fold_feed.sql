create or replace function likeness.fold_feed(supplier text)
returns table (line bigint, field text, reason text, value text)
language plpgsql
volatile parallel unsafe
set search_path = ''
set work_mem = '64MB'
as $$
#variable_conflict use_column
declare
  v_supplier bigint := likeness.ensure_supplier(fold_feed.supplier);
begin
  -- Imports of one supplier follow each other, so that what is planned here still holds when it is done.
  perform 1 from likeness.suppliers s where s.id = v_supplier for no key update;
  analyze pg_temp.feed_rows;

  insert into pg_temp.feed_products
  select r.line, p.id, p.dataset_id,
         (n.status, n.name, n.brand, n.gtin, n.gtin_raw, n.mpn, n.size, n.price, n.media_changed_at, n.product_url)
           is distinct from (p.status, p.name, p.brand, p.gtin, p.gtin_raw, p.mpn, p.size, p.price, p.media_changed_at, p.product_url),
         p.status = 'active' and n.status <> 'active',
         p.id is not null and n.media_changed_at > coalesce(p.media_changed_at, '-infinity'),
         r.pictures is not null,
         r.sku, n.status, n.name, n.brand, n.gtin, n.gtin_raw, n.mpn, n.size, n.price, n.media_changed_at, n.product_url
    from pg_temp.feed_rows r
    join (select min(f.line) as line from pg_temp.feed_rows f group by f.sku) first using (line)
    left join likeness.products p on p.supplier_id = v_supplier and p.sku = r.sku
   cross join lateral (
     select coalesce(nullif(r.product_status, ''), p.status, 'active') as status,
            coalesce(r.name, p.name, '') as name,
            case when r.brand is null then p.brand else nullif(r.brand, '') end as brand,
            case when r.gtin_raw is null then p.gtin else likeness.normalize_gtin(r.gtin_raw) end as gtin,
            case when r.gtin_raw is null then p.gtin_raw else nullif(r.gtin_raw, '') end as gtin_raw,
            case when r.mpn is null then p.mpn else nullif(r.mpn, '') end as mpn,
            case when r.size is null then p.size else nullif(r.size, '') end as size,
            case when r.price is null then p.price else nullif(r.price, '')::numeric(14, 4) end as price,
            case when r.media_changed is null then p.media_changed_at else nullif(r.media_changed, '')::timestamptz end as media_changed_at,
            case when r.product_url is null then p.product_url else nullif(r.product_url, '') end as product_url) n;
  analyze pg_temp.feed_products;

  -- A further row of a sku continues the first one where it contradicts it nowhere.
  insert into pg_temp.feed_pictures (line, row_line, position, source_url, source_key)
  select d.line, d.row_line, row_number() over (partition by d.line order by d.picture_order nulls last, d.row_line, d.turn) - 1, d.source_url, d.source_key
    from (
      select distinct on (f.line, k.source_key) f.line, r.line as row_line, r.picture_order, u.turn, u.source_url, k.source_key
        from pg_temp.feed_rows r
        join pg_temp.feed_products f on f.sku = r.sku
       cross join lateral unnest(r.pictures) with ordinality u (source_url, turn)
       cross join lateral (select likeness.source_key(u.source_url) as source_key) k
       where r.line = f.line
          or (coalesce(r.name, '') in ('', f.name) and coalesce(r.brand, '') in ('', f.brand) and coalesce(r.gtin_raw, '') in ('', f.gtin_raw)
              and coalesce(r.mpn, '') in ('', f.mpn) and coalesce(r.size, '') in ('', f.size) and coalesce(r.product_status, '') in ('', f.product_status)
              and coalesce(r.product_url, '') in ('', f.product_url) and (nullif(r.price, '') is null or nullif(r.price, '')::numeric(14, 4) = f.price))
       order by f.line, k.source_key, r.picture_order nulls last, r.line, u.turn) d;
  analyze pg_temp.feed_pictures;

  return query
  delete from pg_temp.feed_pictures g
   where g.position >= 1000
  returning g.row_line, 'images', 'a product has at most 1000 pictures', g.source_url;
  return query
  select r.line, 'sku', format('the sku was already given in line %s: a further row adds pictures only where it brings new ones and contradicts that line nowhere', f.line), r.sku
    from pg_temp.feed_rows r
    join pg_temp.feed_products f on f.sku = r.sku and f.line <> r.line
   where not exists (select from pg_temp.feed_pictures g where g.line = f.line and g.row_line = r.line)
   order by r.line;
  update pg_temp.feed_products f
     set has_pictures = true
   where not f.has_pictures and exists (select from pg_temp.feed_pictures g where g.line = f.line);
end
$$;
comment on function likeness.fold_feed(text) is
  'Turns the rows of a feed into its products and their pictures beside what the supplier has now; returns the rows and pictures that it left out, with the reason.';
