create or replace function likeness.undo_match(log_id bigint, decided_by text default session_user, reason text default '')
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_done likeness.match_log;
  v_later bigint;
begin
  perform likeness.need_person(undo_match.decided_by);
  select l.* into v_done from likeness.match_log l where l.id = undo_match.log_id;
  if not found then
    raise exception 'there is no decision %', log_id using errcode = 'LK002';
  end if;
  if v_done.action = 'undone' then
    raise exception 'decision % took back decision %; decide afresh instead', log_id, v_done.undoes_id using errcode = 'LK003';
  end if;
  if v_done.action = 'merged' then
    perform likeness.lock_canonicals(array[v_done.canonical_product_id]);
  else
    perform likeness.lock_product(v_done.product_id);
  end if;
  select l.id into v_later from likeness.match_log l where l.undoes_id = undo_match.log_id;
  if found then
    raise exception 'decision % was taken back already, by decision %', log_id, v_later using errcode = 'LK003';
  end if;
  if v_done.action <> 'rejected' then
    select l.id into v_later
      from likeness.match_log l
     where l.id > undo_match.log_id and l.action not in ('undone', 'rejected')
       and (case when v_done.action = 'merged'
              then l.action = 'merged' and v_done.canonical_product_id in (l.canonical_product_id, l.was_canonical_product_id)
              else l.product_id = v_done.product_id end)
       and not exists (select from likeness.match_log u where u.undoes_id = l.id)
     order by l.id desc
     limit 1;
    if found then
      raise exception 'decision % stands on decision %', v_later, log_id using errcode = 'LK003', hint = format('select likeness.undo_match(%s); first.', v_later);
    end if;
  end if;
  case v_done.action
    when 'merged' then perform likeness.undo_merge(v_done);
    when 'rejected' then perform likeness.undo_rejection(v_done, undo_match.decided_by);
    when 'unlinked' then perform likeness.undo_unlink(v_done, undo_match.decided_by);
    else perform likeness.undo_link(v_done, undo_match.decided_by);
  end case;
  return likeness.write_decision(
    'undone', v_done.product_id, v_done.was_canonical_product_id, v_done.canonical_product_id, undo_match.decided_by, v_done.queue_item_id,
    undo_match.reason, '{}', null, undo_match.log_id);
end
$$;
comment on function likeness.undo_match(bigint, text, text) is
  'Takes a decision of match_log back: everything is as it was before, pictures too, and what waited for a person waits again. Refused (SQLSTATE LK003) where later decisions stand on it. Returns the decision to undo.';
