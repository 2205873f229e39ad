create or replace function likeness.link_match(product_id bigint, canonical_product_id bigint, decided_by text default session_user, reason text default '')
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_product likeness.products;
  v_item likeness.match_queue;
  v_candidate jsonb;
  v_log bigint;
begin
  perform likeness.need_person(link_match.decided_by);
  v_product := likeness.lock_product(link_match.product_id);
  if not exists (select from likeness.canonical_products c where c.id = link_match.canonical_product_id) then
    raise exception 'there is no canonical product %, or it was merged already', canonical_product_id using errcode = 'LK002', hint = 'select * from likeness.match_log where was_canonical_product_id = its id;';
  end if;
  select r.log_id into v_log
    from likeness.match_rejections r
   where r.product_id = link_match.product_id and r.canonical_product_id = link_match.canonical_product_id;
  if found then
    raise exception 'decision % says that product % is not canonical product %', v_log, product_id, canonical_product_id
      using errcode = 'LK003', hint = format('select likeness.undo_match(%s); first.', v_log);
  end if;
  if v_product.canonical_product_id <> link_match.canonical_product_id then
    raise exception 'product % is linked to canonical product % already', product_id, v_product.canonical_product_id
      using errcode = 'LK003', hint = format('select likeness.unlink_match(%s); first, or merge_canonical_products().', product_id);
  end if;
  select q.* into v_item from likeness.match_queue q where q.product_id = link_match.product_id and q.status = 'waiting';
  select e.candidate into v_candidate
    from jsonb_array_elements(v_item.candidates) e (candidate)
   where (e.candidate ->> 'canonical_product_id')::bigint = link_match.canonical_product_id;
  perform likeness.close_queue_item(link_match.product_id, 'accepted', link_match.canonical_product_id, link_match.decided_by);
  update likeness.products p
     set canonical_product_id = link_match.canonical_product_id, linked_at = coalesce(p.linked_at, likeness.clock()), matched_at = likeness.clock()
   where p.id = link_match.product_id;
  return likeness.write_decision('accepted', link_match.product_id, link_match.canonical_product_id, v_product.canonical_product_id, link_match.decided_by,
                                 v_item.id, link_match.reason, coalesce(v_candidate, '{}'), (v_candidate ->> 'confidence')::real);
end
$$;
comment on function likeness.link_match(bigint, bigint, text, text) is
  'A person says that a product is a canonical product; said of a link that stands already, it confirms it. Returns the decision, which undo_match() takes.';
