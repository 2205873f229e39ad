create or replace function likeness.index_canonical_products(canonical_product_ids bigint[])
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_lexicon jsonb := likeness.match_lexicon();
  v_seed bigint := likeness.match_reading(v_lexicon);
  v_ids bigint[];
begin
  with read as materialized (
    select c.id, c.price, s.source_hash, t.main_tokens, t.name_key, t.tokens, t.kinds, t.brand_tokens
      from likeness.canonical_products c
     cross join lateral (
       select hashtextextended(concat_ws(E'\x1f', c.name, coalesce(c.brand, ''), coalesce(c.mpn, ''), coalesce(c.size, ''), c.price), v_seed)) s (source_hash)
     cross join lateral likeness.tokenize_product(c.name, c.brand, c.mpn, c.size, v_lexicon) t
     where c.id = any(index_canonical_products.canonical_product_ids)
       and not exists (select from likeness.match_names m where m.canonical_product_id = c.id and m.source_hash = s.source_hash)),
  written as (
    insert into likeness.match_names as m (canonical_product_id, main_tokens, price, source_hash, name_key, tokens, kinds, brand_tokens)
    select r.id, r.main_tokens, r.price, r.source_hash, r.name_key, r.tokens, r.kinds, r.brand_tokens
      from read r
     order by r.id
    on conflict on constraint match_names_pkey do update
      set main_tokens = excluded.main_tokens, price = excluded.price, source_hash = excluded.source_hash, name_key = excluded.name_key,
          tokens = excluded.tokens, kinds = excluded.kinds, brand_tokens = excluded.brand_tokens
    returning m.canonical_product_id)
  select array_agg(w.canonical_product_id) into v_ids from written w;
  if v_ids is null then
    return 0;
  end if;
  -- What an old name left in the posting lists is harmless: candidates are compared by what they are called now.
  delete from likeness.match_recent_tokens r where r.canonical_product_id = any(v_ids);
  insert into likeness.match_recent_tokens (token, canonical_product_id)
  select distinct p.token, m.canonical_product_id
    from likeness.match_names m
   cross join lateral unnest(likeness.name_postings(m.main_tokens, m.name_key, m.tokens)) p (token)
   where m.canonical_product_id = any(v_ids)
   order by 1, 2
  on conflict do nothing;
  update likeness.match_index_state s
     set reading = v_seed
   where s.is_current and s.reading is null;
  return cardinality(v_ids);
end
$$;
comment on function likeness.index_canonical_products(bigint[]) is
  'Reads the names of these canonical products into the match index where they changed; they are found from the next statement on. Returns how many.';
