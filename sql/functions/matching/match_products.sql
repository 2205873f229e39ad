create or replace function likeness.match_products(product_ids bigint[], create_missing boolean default false, decided_by text default 'likeness')
returns setof likeness.match_decision
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_products bigint[];
  v_plan likeness.match_decision[];
begin
  perform likeness.need_person(match_products.decided_by);
  -- Lock order of sql/README.md. What an import or a reviewer has in hand is left for the next time.
  select array_agg(l.id) into v_products
    from (select s.id
            from likeness.suppliers s
           where s.id in (select p.supplier_id from likeness.products p where p.id = any(match_products.product_ids))
           order by s.id
             for share skip locked) l;
  select array_agg(l.id) into v_products
    from (select p.id
            from likeness.products p
           where p.id = any(match_products.product_ids) and p.supplier_id = any(v_products)
             and p.canonical_product_id is null and p.status <> 'deleted'
           order by p.id
             for no key update skip locked) l;
  if v_products is null then
    return;
  end if;
  select array_agg(d) into v_plan from likeness.plan_matches(v_products, match_products.create_missing) d;
  perform likeness.lock_matching();
  -- What was decided while we looked: a canonical product may have been merged away, or made of the same barcode, or be by a merge what
  -- a person said that the product is not.
  v_plan := array(
    select case
             when d.action = 'create' and c.id is not null
               then likeness.decide_barcode(p.id, p.gtin, p.name, c.id, c.name)
             else row(d.product_id, d.action, d.canonical_product_id, d.confidence, d.method, d.reason, n.candidates)::likeness.match_decision
           end
      from unnest(v_plan) d
      join likeness.products p on p.id = d.product_id
      left join likeness.canonical_products c on d.action = 'create' and c.gtin = p.gtin
       and not exists (select from likeness.match_rejections r where r.product_id = p.id and r.canonical_product_id = c.id)
     cross join lateral (
       select coalesce(jsonb_agg(e.candidate order by e.turn), '[]') as candidates
         from jsonb_array_elements(d.candidates) with ordinality e (candidate, turn)
        where likeness.may_be_linked(d.product_id, (e.candidate ->> 'canonical_product_id')::bigint)) n
     where d.action in ('create', 'leave') or d.canonical_product_id is null
        or likeness.may_be_linked(d.product_id, d.canonical_product_id));
  v_plan := likeness.create_canonicals(v_plan);

  update likeness.products p
     set canonical_product_id = case when d.action in ('link', 'create') then d.canonical_product_id end,
         linked_at = case when d.action in ('link', 'create') then v_now end,
         matched_at = v_now
    from unnest(v_plan) d
   where p.id = d.product_id;

  insert into likeness.match_queue as q (product_id, canonical_product_id, confidence, reason, queued_at, updated_at, candidates)
  select d.product_id, d.canonical_product_id, d.confidence, d.reason, v_now, v_now, d.candidates
    from unnest(v_plan) d
   where d.action in ('suggest', 'review')
  on conflict (product_id) where status = 'waiting' do update
    set canonical_product_id = excluded.canonical_product_id, confidence = excluded.confidence, reason = excluded.reason,
        updated_at = excluded.updated_at, candidates = excluded.candidates;
  update likeness.match_queue q
     set status = 'closed', decided_at = v_now, decided_by = match_products.decided_by, updated_at = v_now
    from unnest(v_plan) d
   where q.product_id = d.product_id and q.status = 'waiting' and d.action in ('link', 'create', 'leave');
  insert into likeness.match_log (action, product_id, canonical_product_id, method, confidence, decided_by, decided_at, is_automatic, reason, evidence)
  select case d.action when 'create' then 'created' else 'linked' end, d.product_id, d.canonical_product_id, d.method,
         case when d.action = 'link' then d.confidence end, match_products.decided_by, v_now, true, d.reason,
         coalesce(d.candidates -> 0, '{}')
    from unnest(v_plan) d
   where d.action in ('link', 'create')
   order by d.product_id;
  return query select d.* from unnest(v_plan) d order by d.product_id;
end
$$;
comment on function likeness.match_products(bigint[], boolean, text) is
  'Decides about products and does it, in batches of 50 and more: links the sure ones, puts the likely ones before a person, makes canonical products of the rest where create_missing is set; returns what it did. Those that are linked, or that an import or a reviewer has in hand, are left out.';
