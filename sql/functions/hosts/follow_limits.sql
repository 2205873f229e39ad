create or replace function likeness.follow_limits(supplier_id bigint)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_hosts bigint[];
begin
  select array_agg(l.id) into v_hosts
    from (select h.id from likeness.hosts h where h.limits_of = follow_limits.supplier_id order by h.id for no key update) l;
  -- A shorter interval holds for the wait that has begun already.
  update likeness.hosts h
     set max_in_flight = s.host_max_in_flight, min_interval = s.host_min_interval,
         next_slot_at = case when h.next_slot_at is not null then least(h.next_slot_at, v_now + s.host_min_interval) end,
         next_request_at = least(h.next_request_at, v_now + (s.host_min_interval + likeness.slot_window(s.host_min_interval)) * 1.1),
         ready_at = case when h.ready_at is not null then least(h.ready_at, greatest(v_now + s.host_min_interval, h.blocked_until)) end
    from likeness.suppliers s
   where s.id = follow_limits.supplier_id and h.id = any(v_hosts);
  perform likeness.unpark_hosts(v_hosts);
  return coalesce(cardinality(v_hosts), 0);
end
$$;
comment on function likeness.follow_limits(bigint) is
  'Gives the limits of a supplier to all hosts that follow it; returns how many. Part of save_supplier().';
