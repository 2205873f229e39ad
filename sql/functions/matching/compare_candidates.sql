create or replace function likeness.compare_candidates(
  name text,
  brand text,
  mpn text,
  size text,
  price numeric,
  lexicon jsonb,
  most int default 12)
returns table (canonical_product_id bigint, mass real, name_key text, features real[], facts jsonb)
language plpgsql
stable parallel safe
rows 12
set search_path = ''
as $$
declare
  v_full real;
  v_read record;
  v_weights real[];
  v_row record;
  v_result record;
begin
  v_read := likeness.tokenize_product(name, brand, mpn, size, lexicon);
  if v_read.tokens = '{}' then
    return;
  end if;
  select ln(1 + greatest(1, s.names + (select count(*) from likeness.match_recent_tokens r where r.token >= '=' and r.token < '>')))
    into v_full
    from likeness.match_index_state s;
  v_weights := likeness.weigh_tokens(v_read.tokens, v_full);
  for v_row in
    select m.*, n.mass, likeness.weigh_tokens(m.tokens, v_full) as weights
      from likeness.name_candidates(likeness.name_postings(v_read.main_tokens, v_read.name_key, v_read.tokens), v_read.name_key, v_full, most) n
      join likeness.match_names m on m.canonical_product_id = n.canonical_product_id
     order by m.canonical_product_id
  loop
    v_result := likeness.compare_names(
      v_read.tokens, v_read.kinds, v_weights, v_read.main_tokens, v_read.name_key, v_read.brand_tokens, price::real,
      v_row.tokens, v_row.kinds, v_row.weights, v_row.main_tokens, v_row.name_key, v_row.brand_tokens, v_row.price, v_full);
    canonical_product_id := v_row.canonical_product_id;
    mass := v_row.mass;
    name_key := v_row.name_key;
    features := v_result.features;
    facts := v_result.facts;
    return next;
  end loop;
end
$$;
comment on function likeness.compare_candidates(text, text, text, text, numeric, jsonb, int) is
  'The likeliest canonical products for one product as a feed tells it, each compared in full. Part of find_candidates().';
