create or replace function likeness.create_match(queue_item_id bigint, product_data jsonb default '{}', decided_by text default session_user, reason text default '')
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_item likeness.match_queue;
  v_product likeness.products;
  v_gtin text;
  v_canonical bigint;
  v_unknown text;
  v_price numeric;
begin
  perform likeness.need_person(decided_by);
  if jsonb_typeof(product_data) is distinct from 'object' then
    raise exception 'product_data must be an object such as {"name": "Drill"}, not %', coalesce(product_data::text, 'null') using errcode = 'LK004';
  end if;
  select string_agg(k, ', ' order by k) into v_unknown
    from jsonb_object_keys(product_data) k
   where k not in ('name', 'brand', 'gtin', 'mpn', 'size', 'price');
  if v_unknown is not null then
    raise exception 'a canonical product has no %', v_unknown using errcode = 'LK004';
  end if;
  select string_agg(e.key, ', ' order by e.key) into v_unknown
    from jsonb_each(product_data) e
   where e.key <> 'price' and jsonb_typeof(e.value) not in ('string', 'null') and not (e.key = 'gtin' and jsonb_typeof(e.value) = 'number');
  if v_unknown is not null then
    raise exception 'product_data must have text for %', v_unknown using errcode = 'LK004';
  end if;
  if product_data ->> 'name' ~ '^[[:space:]]+$' then
    raise exception 'the name of a canonical product cannot be blanks alone: leave it out, and it has that of the product' using errcode = 'LK004';
  end if;
  begin
    v_price := (product_data ->> 'price')::numeric;
  exception
    when data_exception then
      v_price := 'NaN';
  end;
  -- As the column rounds it.
  if v_price < 0 or round(v_price, 4) >= 10000000000 then
    raise exception 'price must be a number from 0 to 9999999999.9999, not %', product_data -> 'price' using errcode = 'LK004';
  end if;
  v_item := likeness.lock_queue_item(queue_item_id);
  select p.* into v_product from likeness.products p where p.id = v_item.product_id;
  v_gtin := v_product.gtin;
  if product_data ? 'gtin' then
    v_gtin := likeness.normalize_gtin(product_data ->> 'gtin');
    if v_gtin is null and product_data ->> 'gtin' <> '' then
      raise exception 'the barcode "%" cannot be used: %', product_data ->> 'gtin', likeness.note_gtin(product_data ->> 'gtin') using errcode = 'LK004';
    end if;
  end if;
  select c.id into v_canonical from likeness.canonical_products c where c.gtin = v_gtin;
  if found and product_data ? 'gtin' then
    raise exception 'canonical product % has the barcode % already', v_canonical, v_gtin using errcode = 'LK003', hint = 'Confirm that one instead.';
  elsif found then
    v_gtin := null;
  end if;
  insert into likeness.canonical_products (name, brand, gtin, mpn, size, price, created_at, updated_at)
  values (coalesce(nullif(product_data ->> 'name', ''), nullif(v_product.name, ''), v_product.sku),
          case when product_data ? 'brand' then product_data ->> 'brand' else v_product.brand end, v_gtin,
          case when product_data ? 'mpn' then product_data ->> 'mpn' else v_product.mpn end,
          case when product_data ? 'size' then product_data ->> 'size' else v_product.size end,
          case when product_data ? 'price' then v_price else v_product.price end,
          likeness.clock(), likeness.clock())
  returning id into v_canonical;
  perform likeness.close_queue_item(v_item.product_id, 'created', v_canonical, decided_by);
  update likeness.products p
     set canonical_product_id = v_canonical, linked_at = likeness.clock(), matched_at = likeness.clock()
   where p.id = v_item.product_id;
  return likeness.write_decision('created', v_item.product_id, v_canonical, null, decided_by, v_item.id, reason);
end
$$;
comment on function likeness.create_match(bigint, jsonb, text, text) is
  'A person says that a waiting product is none of the candidates but a thing of its own: it becomes a canonical product with its own data, or what product_data (name, brand, gtin, mpn, size, price) says. Returns the decision.';
