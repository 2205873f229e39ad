create or replace function likeness.wake_hosts(host_ids bigint[])
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_now timestamptz := likeness.clock();
  v_woken int;
begin
  -- Hosts first and in id order: every function that locks hosts does so, or two of them could deadlock.
  perform 1 from likeness.hosts h where h.id = any(host_ids) order by h.id for no key update;
  with best as materialized (
    select h.id, i.priority, i.queued_at, i.id as image_id,
           h.ready_at is not null and h.best_priority = i.priority as keeps_place,
           (select count(*) from likeness.images f where f.host_id = h.id and f.claimed_by is not null) >= h.max_in_flight as is_full
      from likeness.hosts h
     cross join lateral (
       select c.priority, c.queued_at, c.id
         from likeness.images c
        where c.host_id = h.id and c.queued_at is not null and c.retry_at is null
        order by c.priority desc, c.queued_at, c.id
        limit 1) i
     where h.id = any(host_ids)
  )
  update likeness.hosts h
     set best_priority = b.priority, low_due_at = b.queued_at, low_due_id = b.image_id,
         ready_at = case when b.keeps_place then h.ready_at
                         when b.is_full then null
                         -- Also where only the class changes: no host joins a line before those who stand in it.
                         else greatest(v_now, h.ready_at, h.next_slot_at, h.blocked_until) end,
         parked_for = case when b.is_full and not b.keeps_place then 'limit' end
    from best b
   where h.id = b.id
     and (not b.keeps_place or (h.low_due_at, h.low_due_id) > (b.queued_at, b.image_id));
  get diagnostics v_woken = row_count;
  if v_woken > 0 then
    perform pg_notify('likeness_work', '');
  end if;
  return v_woken;
end
$$;
comment on function likeness.wake_hosts(bigint[]) is
  'Makes hosts with waiting pictures claimable and wakes idle workers by NOTIFY likeness_work. One probe a host, whatever its backlog.';
