create or replace function likeness.name_candidates(
  postings text[],
  name_key text,
  full_weight real,
  most int)
returns table (canonical_product_id bigint, mass real)
language plpgsql
stable parallel safe
rows 12
set search_path = ''
as $$
begin
  return query
  with known as materialized (
    select q.token, coalesce(t.names, 0) + (select count(*) from likeness.match_recent_tokens n where n.token = q.token) as names
      from unnest(name_candidates.postings) q (token)
     cross join lateral (select (select t.names from likeness.match_tokens t where t.token = q.token)) t (names)),
  -- The rarest first, until enough candidates are in view: this bounds the work, however large the catalogue.
  taken as (
    select k.token, ln(1 + exp(name_candidates.full_weight) / k.names) as weight
      from (select o.*, sum(o.names) over (order by o.names, o.token) as total, row_number() over (order by o.names, o.token) as number from known o where o.names > 0) k
     where k.names <= 20000 and (k.total <= 3000 or k.number <= 2)),
  listed as (
    select i.id, t.weight
      from taken t
     cross join lateral (
       select unnest((select p.canonical_product_ids from likeness.match_tokens p where p.token = t.token)) as id
       union all
       select n.canonical_product_id from likeness.match_recent_tokens n where n.token = t.token) i),
  heaviest as (
    select l.id, sum(l.weight)::real as mass
      from listed l
     group by l.id
     order by 2 desc, 1
     limit 30)
  select m.canonical_product_id, h.mass
    from heaviest h
    join likeness.match_names m on m.canonical_product_id = h.id
   order by h.mass / name_candidates.full_weight + 4 * public.similarity(m.name_key, name_candidates.name_key) desc, m.canonical_product_id
   limit name_candidates.most;
end
$$;
comment on function likeness.name_candidates(text[], text, real, int) is
  'The canonical products that share the rarest tokens with a name, best first; what compare_names() then looks at in full.';
