create or replace function likeness.score_candidates(product_ids bigint[], per_product int default 5)
returns table (product_id bigint, canonical_product_id bigint, rank int, confidence real, evidence jsonb)
language plpgsql
stable parallel safe
set search_path = ''
as $$
begin
  return query
  select p.id, c.canonical_product_id, c.rank, c.confidence, c.evidence
    from (select likeness.match_lexicon() as words offset 0) l
   cross join (select distinct unnest(score_candidates.product_ids) as id) i
    join likeness.products p on p.id = i.id
   cross join lateral likeness.find_candidates(p.name, p.brand, p.mpn, p.size, p.price, score_candidates.per_product, l.words) c
   order by p.id, c.rank;
end
$$;
comment on function likeness.score_candidates(bigint[], int) is
  'The best canonical products for each of these products by name, with confidence and evidence. For match_products().';
