create or replace function likeness.set_host_limits(host text, max_in_flight int default null, min_interval interval default null)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_id bigint;
begin
  if num_nonnulls(set_host_limits.max_in_flight, set_host_limits.min_interval) = 0 then
    raise exception 'set_host_limits needs max_in_flight, min_interval or both'
      using errcode = 'LK004', hint = 'For those of its supplier: select likeness.follow_supplier(host, supplier);';
  end if;
  perform likeness.need_count('max_in_flight', coalesce(set_host_limits.max_in_flight, 1), 1, 32767);
  if set_host_limits.min_interval not between interval '0' and interval '1 day' then
    raise exception 'min_interval must be from 0 to 1 day, not %', min_interval
      using errcode = 'LK004', hint = 'To call a host no more: select likeness.pause_host(host);';
  end if;
  -- A shorter interval holds for the wait that has begun already. From here on no supplier changes them.
  update likeness.hosts h
     set max_in_flight = coalesce(set_host_limits.max_in_flight, h.max_in_flight),
         min_interval = n.gap,
         limits_of = null,
         next_slot_at = case when h.next_slot_at is not null then least(h.next_slot_at, v_now + n.gap) end,
         next_request_at = least(h.next_request_at, v_now + (n.gap + likeness.slot_window(n.gap)) * 1.1),
         ready_at = case when h.ready_at is not null then least(h.ready_at, greatest(v_now + n.gap, h.blocked_until)) end
    from (select b.id, coalesce(set_host_limits.min_interval, b.min_interval) as gap from likeness.hosts b where b.host = lower(set_host_limits.host)) n
   where h.id = n.id
  returning h.id into v_id;
  if not found then
    raise exception 'there is no host "%"', set_host_limits.host using errcode = 'LK002', hint = 'select host from likeness.host_health;';
  end if;
  perform likeness.unpark_hosts(array[v_id]);
end
$$;
comment on function likeness.set_host_limits(text, int, interval) is
  'Sets how many pictures of a host may be in hand at once, and the least time between two requests, whatever its supplier says; what is left out stays. Example: select likeness.set_host_limits(''cdn.example.com'', max_in_flight => 4, min_interval => ''100 ms'');';
