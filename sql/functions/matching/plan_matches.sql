create or replace function likeness.plan_matches(product_ids bigint[], create_missing boolean default false)
returns setof likeness.match_decision
language plpgsql
stable parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_rules likeness.match_rules;
  v_coded jsonb;
  v_open bigint[];
  v_most int;
begin
  select r.* into v_rules from likeness.match_rules r;
  select coalesce(jsonb_agg(b), '[]') into v_coded from likeness.find_by_barcode(plan_matches.product_ids) b;
  -- A proven barcode of one canonical product whose name does not speak against it needs no name to be searched for.
  select array_agg(p.id) into v_open
    from likeness.products p
   where p.id = any(plan_matches.product_ids) and p.canonical_product_id is null and p.status <> 'deleted'
     and not exists (
       select
         from jsonb_to_recordset(v_coded) b (product_id bigint, grade int, overlap real, packs_differ boolean)
        where b.product_id = p.id and b.grade = 1
       having count(*) = 1 and coalesce(min(b.overlap), 1) >= 0.35 and not bool_or(b.packs_differ));
  -- Those that were rejected are still found by name: as many more are looked at.
  select 5 + coalesce(max(n.rejections), 0) into v_most
    from (select count(*)::int as rejections from likeness.match_rejections r where r.product_id = any(v_open) group by r.product_id) n;

  return query
  with asked as materialized (
    select p.id, p.name, p.gtin, p.gtin_note, s.low_matches
      from likeness.products p
      join likeness.suppliers s on s.id = p.supplier_id
     where p.id = any(plan_matches.product_ids) and p.canonical_product_id is null and p.status <> 'deleted'
  ),
  coded as materialized (
    select b.*, count(*) filter (where b.grade = 1) over (partition by b.product_id) as proven
      from jsonb_to_recordset(v_coded) b (product_id bigint, canonical_product_id bigint, grade int, gtin text, repair text, overlap real, packs_differ boolean)
  ),
  named as materialized (
    select n.product_id, n.canonical_product_id, n.confidence, n.evidence
      from likeness.score_candidates(coalesce(v_open, '{}'), v_most) n
  ),
  judged as (
    select product_id, canonical_product_id, b.grade, b.gtin, b.repair, b.overlap, n.evidence,
           likeness.judge_match(b.grade, b.proven::int, b.overlap, b.packs_differ, n.confidence, a.gtin, c.gtin, a.gtin_note, v_rules.link_from) as judgement
      from coded b
      full join named n using (product_id, canonical_product_id)
      join asked a on a.id = product_id
      join likeness.canonical_products c on c.id = canonical_product_id
     where not exists (
       select from likeness.match_rejections r where r.product_id = a.id and r.canonical_product_id = c.id)
  ),
  seen as (
    select j.product_id, j.canonical_product_id, j.grade, j.gtin, j.repair, j.evidence, (j.judgement).method as method,
           s.confidence,
           concat_ws('; ', (j.judgement).reason || coalesce(': ' || case when (j.judgement).method = 'name' then j.evidence ->> 'text' end, ''), s.reason) as reason
      from judged j
     cross join lateral likeness.weigh_pictures(j.product_id, j.canonical_product_id, (j.judgement).method, (j.judgement).confidence, v_rules.suggest_from, v_rules.link_from,
                                                (j.judgement).is_capped or coalesce(j.evidence @> '{"facts": [{"verdict": "contradicts"}]}', false)) s
     where (j.judgement).confidence > 0
  ),
  ranked as (
    select s.*, row_number() over (partition by s.product_id order by s.confidence desc, s.grade nulls last, s.canonical_product_id) as rank
      from seen s
  ),
  best as (
    select r.product_id,
           jsonb_agg(
             jsonb_build_object('canonical_product_id', r.canonical_product_id, 'confidence', round(r.confidence::numeric, 4), 'method', r.method, 'reason', r.reason,
                                'evidence', jsonb_strip_nulls(jsonb_build_object('gtin', r.gtin, 'repair', r.repair, 'name', r.evidence)))
             order by r.rank) as candidates
      from ranked r
     where r.rank <= 5
     group by r.product_id
  )
  select a.id,
         d.action,
         r.canonical_product_id,
         coalesce(r.confidence, 0)::real,
         case when d.action = 'create' then 'new' else r.method end,
         case d.action
           when 'create' then case when r.product_id is null then n.reason else 'nothing in the catalogue is enough like it: ' || r.reason end
           when 'leave' then coalesce(r.reason, n.reason)
           else r.reason end,
         coalesce(b.candidates, '[]')
    from asked a
    left join ranked r on r.product_id = a.id and r.rank = 1
    left join best b on b.product_id = a.id
   cross join lateral (
     select case when r.confidence >= v_rules.link_from then 'link'
                 when r.confidence >= v_rules.suggest_from then 'suggest'
                 when plan_matches.create_missing then 'create'
                 when r.product_id is not null and a.low_matches = 'review' then 'review'
                 else 'leave' end as action) d
   cross join lateral (
     select case when exists (select from likeness.match_rejections x where x.product_id = a.id)
              then 'nothing in the catalogue is like it but what a person said it is not' else 'nothing in the catalogue is like it' end as reason) n
   order by a.id;
end
$$;
comment on function likeness.plan_matches(bigint[], boolean) is
  'What match_products() would do with these products, of which those that are linked already are left out. Changes nothing. With create_missing, products without a likely candidate become canonical products.';
