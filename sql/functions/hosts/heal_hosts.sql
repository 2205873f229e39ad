create or replace function likeness.heal_hosts()
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_now timestamptz := likeness.clock();
  v_hosts bigint[];
begin
  -- One index probe a parked host, never one a waiting picture.
  select array_agg(h.id) into v_hosts
    from likeness.hosts h
   where h.ready_at is null
     and exists (select from likeness.images i where i.host_id = h.id and i.queued_at is not null and i.retry_at is null)
     and (h.parked_for = 'empty'
          or (select count(*) from likeness.images f where f.host_id = h.id and f.claimed_by is not null)
             < likeness.in_flight_limit(h.max_in_flight, h.consecutive_faults));
  -- After a clock was set back, what lay a moment ahead lies far ahead.
  update likeness.hosts h
     set ready_at = greatest(v_now, h.blocked_until), next_slot_at = null, next_request_at = null
   where h.id in (select l.id
                    from likeness.hosts l
                   where l.ready_at > greatest(v_now, l.blocked_until) + l.min_interval * 1.5 + interval '2 seconds'
                   order by l.id
                     for no key update skip locked);
  if v_hosts is null then
    return 0;
  end if;
  return likeness.unpark_hosts(v_hosts);
end
$$;
comment on function likeness.heal_hosts() is 'The net: wakes parked hosts that have waiting pictures and room for them, and those that a clock which was set back keeps waiting.';
