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
  v_constants jsonb;
  v_sizes text[] := likeness.bare_sizes(find_candidates.name, find_candidates.size);
begin
  select array_agg(w.weight order by w.place) filter (where w.place is not null), jsonb_object_agg(w.name, w.weight) filter (where w.place is null)
    into v_weights, v_constants
    from likeness.match_weights w;
  return query
  with compared as materialized (
    select c.canonical_product_id as id, c.name_key, c.facts || coalesce(z.fact, '[]') as facts, z.fact is not null as is_other_size,
           -- Another size without a unit is as much another thing as another amount (units_differ).
           least((v_constants ->> 'base')::double precision
                 + (select sum(f.value * v_weights[f.place]) from unnest(c.features) with ordinality f (value, place))
                 + case when z.fact is not null then v_weights[13] else 0 end, 30) as odds
      from likeness.compare_candidates(
             find_candidates.name, find_candidates.brand, find_candidates.mpn, find_candidates.size, find_candidates.price,
             coalesce(find_candidates.lexicon, likeness.match_lexicon())) c
      left join lateral (
        select jsonb_build_object('kind', 'size', 'verdict', 'contradicts', 'product', array_to_string(v_sizes, '/'), 'candidate', array_to_string(t.sizes, '/'),
                                  'text', format('size %s ≠ %s', upper(array_to_string(v_sizes, '/')), upper(array_to_string(t.sizes, '/')))) as fact
          from likeness.canonical_products k
         cross join lateral (select likeness.bare_sizes(k.name, k.size) as sizes offset 0) t
         where k.id = c.canonical_product_id and v_sizes <> '{}' and likeness.sizes_contradict(v_sizes, t.sizes)) z on true),
  -- One of them, or none: what speaks for one candidate speaks against the others, and two equal names get half each.
  ranked as (
    select o.*, row_number() over (order by o.odds desc, o.id)::int as place,
           count(*) over (partition by o.name_key, o.is_other_size) as namesakes,
           exp(o.odds) / (1 + sum(exp(o.odds)) over ()) as share
      from compared o),
  judged as (
    select r.*,
           case when r.namesakes > 1
             then r.facts || jsonb_build_object('kind', 'name', 'verdict', 'contradicts', 'text', r.namesakes || ' canonical products have this name')
             else r.facts end as all_facts,
           1 / (1 + exp(-(v_constants ->> 'sharpness')::double precision * ln(greatest(r.share, 1e-9) / greatest(1 - r.share, 1e-9))
                        - (v_constants ->> 'lift')::double precision)) as likely
      from ranked r
     where r.place <= find_candidates.per_product)
  select j.id, j.place,
         least(j.likely, likeness.match_limit(j.all_facts, (v_constants ->> 'most_despite_contradiction')::double precision,
                                              (v_constants ->> 'most_despite_doubt')::double precision))::real,
         likeness.describe_match(j.all_facts, j.odds, j.likely)
    from judged j
   order by j.place;
end
$$;
comment on function likeness.find_candidates(text, text, text, text, numeric, int, jsonb) is
  'The canonical products that a product may stand for by its name, best first, each with the probability that it is the one, and why.';
