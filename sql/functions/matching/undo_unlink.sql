create or replace function likeness.undo_unlink(decision likeness.match_log, decided_by text)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  if not exists (select from likeness.canonical_products c where c.id = decision.was_canonical_product_id) then
    raise exception 'canonical product % is there no more', decision.was_canonical_product_id
      using errcode = 'LK003', hint = 'It was merged or taken back: see likeness.match_log, and undo that first.';
  end if;
  delete from likeness.match_rejections r where r.log_id = decision.id;
  if exists (
       select from likeness.match_rejections r
        where r.product_id = decision.product_id and r.canonical_product_id = decision.was_canonical_product_id) then
    raise exception 'another decision says that product % is not canonical product %', decision.product_id, decision.was_canonical_product_id using errcode = 'LK003';
  end if;
  perform likeness.close_queue_item(decision.product_id, 'closed', null, decided_by);
  update likeness.products p
     set canonical_product_id = decision.was_canonical_product_id, linked_at = (decision.evidence ->> 'linked_at')::timestamptz, matched_at = likeness.clock()
   where p.id = decision.product_id;
end
$$;
comment on function likeness.undo_unlink(likeness.match_log, text) is 'A product that was unlinked stands for its canonical product again. Part of undo_match().';
