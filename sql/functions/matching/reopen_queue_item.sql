create or replace function likeness.reopen_queue_item(product_id bigint, queue_item_id bigint, decision likeness.match_log, decided_by text)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_candidates jsonb;
begin
  if exists (select from likeness.match_queue q where q.product_id = reopen_queue_item.product_id and q.status = 'waiting') then
    return;
  end if;
  -- Its candidates as they were, without those that went or that it was said not to be.
  select coalesce(jsonb_agg(e.candidate order by e.turn), '[]') into v_candidates
    from jsonb_array_elements(coalesce(
           (select q.candidates from likeness.match_queue q where q.id = reopen_queue_item.queue_item_id),
           case when decision.evidence ? 'canonical_product_id' then jsonb_build_array(decision.evidence) end, '[]')) with ordinality e (candidate, turn)
   where likeness.may_be_linked(reopen_queue_item.product_id, (e.candidate ->> 'canonical_product_id')::bigint);
  if v_candidates = '[]' then
    -- Nothing to choose from: matching looks at it again.
    update likeness.products p set matched_at = null where p.id = reopen_queue_item.product_id;
    return;
  end if;
  update likeness.match_queue q
     set status = 'waiting', decided_at = null, decided_by = null, updated_at = likeness.clock(), candidates = v_candidates,
         canonical_product_id = (v_candidates -> 0 ->> 'canonical_product_id')::bigint, confidence = (v_candidates -> 0 ->> 'confidence')::real
   where q.id = reopen_queue_item.queue_item_id;
  if not found then
    insert into likeness.match_queue (product_id, canonical_product_id, confidence, reason, queued_at, updated_at, candidates)
    values (reopen_queue_item.product_id, (v_candidates -> 0 ->> 'canonical_product_id')::bigint, (v_candidates -> 0 ->> 'confidence')::real,
            format('%s took back what was decided: %s', reopen_queue_item.decided_by, decision.reason), likeness.clock(), likeness.clock(), v_candidates);
  end if;
end
$$;
comment on function likeness.reopen_queue_item(bigint, bigint, likeness.match_log, text) is
  'A product whose decision was taken back waits for a person again, with the candidates it had that are left. Part of undo_match().';
