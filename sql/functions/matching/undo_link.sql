create or replace function likeness.undo_link(decision likeness.match_log, decided_by text)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_product likeness.products;
begin
  select p.* into v_product from likeness.products p where p.id = decision.product_id;
  if v_product.canonical_product_id is distinct from decision.canonical_product_id then
    raise exception 'product % is not linked to canonical product % any more; was that merged?', decision.product_id, decision.canonical_product_id
      using errcode = 'LK003', hint = 'The canonical products may have been merged: see likeness.match_log, and undo that first.';
  end if;
  -- A link that was only confirmed stays.
  if decision.was_canonical_product_id is not distinct from decision.canonical_product_id then
    return;
  end if;
  update likeness.products p
     set canonical_product_id = null, linked_at = null, matched_at = likeness.clock()
   where p.id = decision.product_id;
  if decision.action = 'created'
     and not exists (select from likeness.products p where p.canonical_product_id = decision.canonical_product_id)
     and not exists (select from likeness.images i where i.canonical_product_id = decision.canonical_product_id)
     and not exists (select from likeness.match_log m where m.action = 'merged' and m.canonical_product_id = decision.canonical_product_id)
     -- What somebody said is not the same as it must stay known.
     and not exists (select from likeness.match_rejections r where r.canonical_product_id = decision.canonical_product_id) then
    perform likeness.replace_candidate(decision.canonical_product_id, null);
    delete from likeness.canonical_products c where c.id = decision.canonical_product_id;
  end if;
  perform likeness.reopen_queue_item(decision.product_id, decision.queue_item_id, decision, decided_by);
end
$$;
comment on function likeness.undo_link(likeness.match_log, text) is
  'The product of a link is linked no more, waits for a person, and has its own pictures back; a canonical product that was made for it alone goes. Part of undo_match().';
