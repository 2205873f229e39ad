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
  v_names double precision;
  v_full real;  -- what a token weighs that no more than one name has
  v_has_recent boolean;
  v_read record;
  v_weights real[];
  v_row record;
  v_result record;
begin
  v_read := likeness.tokenize_product(name, brand, mpn, size, lexicon);
  if v_read.tokens = '{}' then
    return;
  end if;
  v_has_recent := exists (select from likeness.match_recent_tokens);
  select greatest(1, s.names + case when v_has_recent
                                 then (select count(*) from likeness.match_recent_tokens r where r.token >= '=' and r.token < '>') else 0 end)
    into v_names
    from likeness.match_index_state s;
  v_full := ln(1 + v_names);
  -- How rare a token is, as ln(1 + names / names with it). Sub-selects, so that each is one look into an index, whatever the planner
  -- thinks of the tables.
  v_weights := array(
    select ln(1 + v_names / (coalesce((select t.names from likeness.match_tokens t where t.token = u.token), 0) + 0.5
                             + case when v_has_recent
                                 then (select count(*) from likeness.match_recent_tokens r where r.token = u.token) else 0 end))::real
      from unnest(v_read.tokens) with ordinality u (token, place)
     order by u.place);
  for v_row in
    select m.*, n.mass,
           -- What both have is known by now; an aid that only the candidate has weighs nothing.
           array(
             select coalesce(
                      v_weights[array_position(v_read.tokens, u.token)],
                      case when u.place <= m.main_tokens then
                        ln(1 + v_names / (coalesce((select t.names from likeness.match_tokens t where t.token = u.token), 0) + 0.5
                                          + case when v_has_recent
                                              then (select count(*) from likeness.match_recent_tokens r where r.token = u.token) else 0 end))::real
                        else 0 end)
               from unnest(m.tokens) with ordinality u (token, place)
              order by u.place) as weights
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
