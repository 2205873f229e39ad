create or replace function likeness.merge_feed_products(supplier_id bigint, dataset_id bigint)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
begin
  -- All products of the feed move to the new dataset; updated_at tells of those that changed in themselves.
  update likeness.products p
     set dataset_id = merge_feed_products.dataset_id,
         status = f.product_status, name = f.name, brand = f.brand, gtin = f.gtin, gtin_raw = f.gtin_raw, mpn = f.mpn, size = f.size,
         gtin_note = case when p.gtin_raw is not distinct from f.gtin_raw then p.gtin_note else likeness.note_gtin(f.gtin_raw) end,
         matched_at = case when (p.name, p.brand, p.gtin_raw, p.mpn, p.size) is distinct from (f.name, f.brand, f.gtin_raw, f.mpn, f.size) then null else p.matched_at end,
         price = f.price, media_changed_at = f.media_changed_at, product_url = f.product_url,
         status_changed_at = case when p.status <> f.product_status then v_now else p.status_changed_at end,
         updated_at = case when f.is_changed then v_now else p.updated_at end
    from pg_temp.feed_products f
   where p.id = f.product_id;
  insert into likeness.products (
    supplier_id, dataset_id, status, sku, name, brand, gtin, gtin_raw, gtin_note, mpn, size, price, media_changed_at, product_url,
    status_changed_at, created_at, updated_at)
  select merge_feed_products.supplier_id, merge_feed_products.dataset_id, f.product_status, f.sku, f.name, f.brand, f.gtin, f.gtin_raw,
         likeness.note_gtin(f.gtin_raw), f.mpn,
         f.size, f.price, f.media_changed_at, f.product_url, v_now, v_now, v_now
    from pg_temp.feed_products f
   where f.product_id is null
   order by f.line;
end
$$;
comment on function likeness.merge_feed_products(bigint, bigint) is 'Writes the products of a folded feed. Part of merge_feed().';
