create or replace function likeness.accept_match(queue_item_id bigint, canonical_product_id bigint default null, decided_by text default session_user, reason text default '')
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_item likeness.match_queue;
  v_canonical bigint;
begin
  perform likeness.need_person(decided_by);
  v_item := likeness.lock_queue_item(queue_item_id);
  v_canonical := coalesce(canonical_product_id, v_item.canonical_product_id);
  if v_canonical is null then
    raise exception 'item % has no candidate: name a canonical product', queue_item_id using errcode = 'LK004';
  end if;
  return likeness.link_match(v_item.product_id, v_canonical, decided_by, reason);
end
$$;
comment on function likeness.accept_match(bigint, bigint, text, text) is
  'A person confirms the best candidate of a waiting item, or the canonical product named. Returns the decision, which undo_match() takes.';
