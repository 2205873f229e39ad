create or replace function likeness.heal_hosts()
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_hosts bigint[];
begin
  -- One index probe a parked host, never one a waiting picture.
  select array_agg(h.id) into v_hosts
    from likeness.hosts h
   where h.ready_at is null
     and exists (select from likeness.images i where i.host_id = h.id and i.queued_at is not null and i.retry_at is null)
     and (h.parked_for = 'empty'
          or (select count(*) from likeness.images f where f.host_id = h.id and f.claimed_by is not null)
             < case when h.consecutive_faults >= 5 then 1 else h.max_in_flight end);
  if v_hosts is null then
    return 0;
  end if;
  return likeness.unpark_hosts(v_hosts);
end
$$;
comment on function likeness.heal_hosts() is 'The net: wakes parked hosts that have waiting pictures and room for them.';
