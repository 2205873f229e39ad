create or replace function likeness.find_candidates(
  name text,
  brand text default null,
  mpn text default null,
  size text default null,
  price numeric default null,
  per_product int default 5,
  lexicon jsonb default null)
returns table (canonical_product_id bigint, rank int, confidence real, evidence jsonb)
language plpgsql
stable parallel safe
rows 5
set search_path = ''
as $$
declare
  v_weights double precision[];
  v_base double precision;
begin
  select array_agg(w.weight order by w.place), (select o.weight from likeness.match_weights o where o.name = 'base')
    into v_weights, v_base
    from likeness.match_weights w
   where w.place is not null;
  return query
  with compared as materialized (
    select c.canonical_product_id as id, c.features, c.facts,
           v_base + (select sum(f.value * v_weights[f.place]) from unnest(c.features) with ordinality f (value, place)) as odds
      from likeness.compare_candidates(
             find_candidates.name, find_candidates.brand, find_candidates.mpn, find_candidates.size, find_candidates.price,
             coalesce(find_candidates.lexicon, likeness.match_lexicon())) c),
  -- One of them, or none: what speaks for one candidate speaks against the others, and two equal names get half each.
  ranked as (
    select o.*, row_number() over (order by o.odds desc, o.id)::int as place,
           exp(least(o.odds, 30)) / (1 + sum(exp(least(o.odds, 30))) over ()) as likely
      from compared o)
  select r.id, r.place, least(r.likely, likeness.match_limit(r.facts))::real, likeness.describe_match(r.facts, r.odds, r.likely)
    from ranked r
   where r.place <= find_candidates.per_product
   order by r.place;
end
$$;
comment on function likeness.find_candidates(text, text, text, text, numeric, int, jsonb) is
  'The canonical products that a product may stand for by its name, best first, each with the probability that it is the one, and why.';
