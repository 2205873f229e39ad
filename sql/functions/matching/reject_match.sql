create or replace function likeness.reject_match(queue_item_id bigint, canonical_product_id bigint default null, decided_by text default session_user, reason text default '')
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_item likeness.match_queue;
  v_rejected jsonb;
  v_left jsonb;
  v_log bigint;
begin
  perform likeness.need_person(reject_match.decided_by);
  v_item := likeness.lock_queue_item(reject_match.queue_item_id);
  select coalesce(jsonb_agg(e.candidate order by e.turn) filter (where e.is_rejected), '[]'),
         coalesce(jsonb_agg(e.candidate order by e.turn) filter (where not e.is_rejected), '[]')
    into v_rejected, v_left
    from (
      select c.candidate, c.turn,
             reject_match.canonical_product_id is null or (c.candidate ->> 'canonical_product_id')::bigint = reject_match.canonical_product_id as is_rejected
        from jsonb_array_elements(v_item.candidates) with ordinality c (candidate, turn)) e;
  if reject_match.canonical_product_id is not null and v_rejected = '[]' then
    raise exception 'canonical product % is no candidate of item %', canonical_product_id, queue_item_id using errcode = 'LK003';
  end if;
  v_log := likeness.write_decision(
    'rejected', v_item.product_id, coalesce(reject_match.canonical_product_id, v_item.canonical_product_id), null, reject_match.decided_by, v_item.id, reject_match.reason,
    jsonb_build_object('candidates', v_rejected), v_item.confidence);
  insert into likeness.match_rejections (product_id, canonical_product_id, log_id)
  select v_item.product_id, c.id, v_log
    from jsonb_array_elements(v_rejected) e
    join likeness.canonical_products c on c.id = (e ->> 'canonical_product_id')::bigint
  on conflict do nothing;
  if v_left = '[]' then
    perform likeness.close_queue_item(v_item.product_id, 'rejected', v_item.canonical_product_id, reject_match.decided_by);
  else
    update likeness.match_queue q
       set candidates = v_left, canonical_product_id = (v_left -> 0 ->> 'canonical_product_id')::bigint,
           confidence = (v_left -> 0 ->> 'confidence')::real, reason = coalesce(v_left -> 0 ->> 'reason', q.reason), updated_at = likeness.clock()
     where q.id = v_item.id;
  end if;
  return v_log;
end
$$;
comment on function likeness.reject_match(bigint, bigint, text, text) is
  'A person says that a waiting product is none of its candidates, or not the one named; it then waits with the others. Rejected pairs are never proposed again. Returns the decision, which undo_match() takes.';
