create or replace function likeness.undo_rejection(decision likeness.match_log, decided_by text)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
begin
  delete from likeness.match_rejections r where r.log_id = decision.id;
  if not exists (select from likeness.products p where p.id = decision.product_id and p.canonical_product_id is null and p.status <> 'deleted') then
    return;
  end if;
  -- Where others are still waiting, the ones that were rejected join them again.
  update likeness.match_queue q
     set candidates = n.candidates, canonical_product_id = (n.candidates -> 0 ->> 'canonical_product_id')::bigint,
         confidence = (n.candidates -> 0 ->> 'confidence')::real, updated_at = likeness.clock()
    from (
      select jsonb_agg(u.candidate order by (u.candidate ->> 'confidence')::real desc, u.id) as candidates
        from (
          select distinct on (c.id) c.id, e.candidate
            from likeness.match_queue w
           cross join lateral jsonb_array_elements(w.candidates || (decision.evidence -> 'candidates')) with ordinality e (candidate, turn)
            join likeness.canonical_products c on c.id = (e.candidate ->> 'canonical_product_id')::bigint
           where w.product_id = decision.product_id and w.status = 'waiting'
             and not exists (select from likeness.match_rejections r where r.product_id = decision.product_id and r.canonical_product_id = c.id)
           order by c.id, e.turn) u) n
   where q.product_id = decision.product_id and q.status = 'waiting' and n.candidates is not null;
  if not found then
    perform likeness.reopen_queue_item(decision.product_id, decision.queue_item_id, decision, decided_by);
  end if;
end
$$;
comment on function likeness.undo_rejection(likeness.match_log, text) is 'The pairs of a rejection may be proposed again, and the product waits with them. Part of undo_match().';
