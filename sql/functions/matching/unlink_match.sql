create or replace function likeness.unlink_match(product_id bigint, decided_by text default session_user, reason text default '')
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_product likeness.products;
  v_log bigint;
begin
  perform likeness.need_person(unlink_match.decided_by);
  v_product := likeness.lock_product(unlink_match.product_id);
  if v_product.canonical_product_id is null then
    raise exception 'product % is not linked', product_id using errcode = 'LK003';
  end if;
  v_log := likeness.write_decision(
    'unlinked', unlink_match.product_id, null, v_product.canonical_product_id, unlink_match.decided_by, null, unlink_match.reason,
    jsonb_build_object('linked_at', v_product.linked_at));
  insert into likeness.match_rejections (product_id, canonical_product_id, log_id)
  values (unlink_match.product_id, v_product.canonical_product_id, v_log)
  on conflict do nothing;
  -- It may be something else: matching looks at it again.
  update likeness.products p
     set canonical_product_id = null, linked_at = null, matched_at = null
   where p.id = unlink_match.product_id;
  return v_log;
end
$$;
comment on function likeness.unlink_match(bigint, text, text) is
  'A person says that a linked product is not its canonical product: it gets its own pictures back, the pair is never proposed again, and matching looks at it anew. Returns the decision, which undo_match() takes.';
