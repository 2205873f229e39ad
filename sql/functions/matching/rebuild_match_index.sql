create or replace function likeness.rebuild_match_index()
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_lexicon jsonb := likeness.match_lexicon();
  v_seed bigint := likeness.match_reading(v_lexicon);
  v_names int;
begin
  perform pg_advisory_xact_lock(7235421910);
  -- Names that changed, or whose words did; whoever renames one meanwhile wins, as his hash is another.
  insert into likeness.match_names as m (canonical_product_id, main_tokens, price, source_hash, name_key, tokens, kinds, brand_tokens)
  select c.id, t.main_tokens, c.price, s.source_hash, t.name_key, t.tokens, t.kinds, t.brand_tokens
    from likeness.canonical_products c
   cross join lateral (
     select hashtextextended(concat_ws(E'\x1f', c.name, coalesce(c.brand, ''), coalesce(c.mpn, ''), coalesce(c.size, ''), c.price), v_seed)) s (source_hash)
    left join likeness.match_names o on o.canonical_product_id = c.id and o.source_hash = s.source_hash
   cross join lateral likeness.tokenize_product(c.name, c.brand, c.mpn, c.size, v_lexicon) t
   where o.canonical_product_id is null
   order by c.id
  on conflict on constraint match_names_pkey do update
    set main_tokens = excluded.main_tokens, price = excluded.price, source_hash = excluded.source_hash, name_key = excluded.name_key,
        tokens = excluded.tokens, kinds = excluded.kinds, brand_tokens = excluded.brand_tokens;
  delete from likeness.match_recent_tokens;
  delete from likeness.match_tokens;
  insert into likeness.match_tokens (token, names, canonical_product_ids)
  select p.token, count(*), case when count(*) <= 20000 then array_agg(m.canonical_product_id order by m.canonical_product_id) end
    from likeness.match_names m
   cross join lateral unnest(likeness.name_postings(m.main_tokens, m.name_key, m.tokens)) p (token)
   group by p.token;
  select count(*) into v_names from likeness.match_names;
  update likeness.match_index_state s
     set names = v_names, reading = v_seed, rebuilt_at = likeness.clock()
   where s.is_current;
  return v_names;
end
$$;
comment on function likeness.rebuild_match_index() is
  'Builds the match index anew; needed after an edit of match_words, of use after many deletions. Additions and renames index themselves. Returns how many names.';
