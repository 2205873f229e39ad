create or replace function likeness.replace_candidate(canonical_product_id bigint, by_canonical_product_id bigint)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_replaced int;
begin
  -- A pair that the product was said not to be falls away; of two that become one the better stays.
  with touched as materialized (
    select q.id, q.product_id, q.candidates
      from likeness.match_queue q
     where q.status = 'waiting'
       and q.candidates @> jsonb_build_array(jsonb_build_object('canonical_product_id', replace_candidate.canonical_product_id))
  ),
  left_over as (
    select t.id, coalesce(jsonb_agg(n.candidate order by n.turn) filter (where n.candidate is not null), '[]') as candidates
      from touched t
      left join lateral (
        select distinct on (r.canonical_id) e.turn, e.candidate || jsonb_build_object('canonical_product_id', r.canonical_id) as candidate
          from jsonb_array_elements(t.candidates) with ordinality e (candidate, turn)
         cross join lateral (
           select case when (e.candidate ->> 'canonical_product_id')::bigint = replace_candidate.canonical_product_id
                    then replace_candidate.by_canonical_product_id else (e.candidate ->> 'canonical_product_id')::bigint end as canonical_id) r
         where r.canonical_id is not null
           and not exists (
             select from likeness.match_rejections x where x.product_id = t.product_id and x.canonical_product_id = r.canonical_id)
         order by r.canonical_id, e.turn) n on true
     group by t.id
  )
  update likeness.match_queue q
     set candidates = l.candidates, canonical_product_id = (l.candidates -> 0 ->> 'canonical_product_id')::bigint,
         confidence = coalesce((l.candidates -> 0 ->> 'confidence')::real, 0), updated_at = likeness.clock()
    from left_over l
   where q.id = l.id;
  get diagnostics v_replaced = row_count;
  return v_replaced;
end
$$;
comment on function likeness.replace_candidate(bigint, bigint) is
  'Puts one canonical product in the place of another in all waiting items, or takes it out where there is none to put. Part of merge_canonical_products() and undo_match().';
