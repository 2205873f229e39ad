create or replace function likeness.lock_queue_item(queue_item_id bigint)
returns likeness.match_queue
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_item likeness.match_queue;
begin
  select q.* into v_item from likeness.match_queue q where q.id = lock_queue_item.queue_item_id;
  if not found then
    raise exception 'there is no item % in the match queue', queue_item_id using errcode = 'LK002';
  end if;
  perform likeness.lock_product(v_item.product_id);
  -- Read again: who held the product may have decided it.
  select q.* into v_item from likeness.match_queue q where q.id = lock_queue_item.queue_item_id;
  if v_item.status <> 'waiting' then
    raise exception 'item % was decided already: % by % at %', queue_item_id,
                    v_item.status || coalesce(' as canonical product ' || v_item.canonical_product_id, ''), v_item.decided_by,
                    to_char(v_item.decided_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')
      using errcode = 'LK003', hint = 'select id, action, decided_by from likeness.match_log where queue_item_id = the item; then undo_match(id).';
  end if;
  return v_item;
end
$$;
comment on function likeness.lock_queue_item(bigint) is 'Locks a waiting item of the match queue and its product; the second of two reviewers is told who decided (SQLSTATE LK003).';
