create or replace function likeness.unpark_hosts(host_ids bigint[])
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  -- A host parked at its limit is let go first; wake_hosts() parks it again if the limit still holds.
  update likeness.hosts h
     set parked_for = 'empty'
   where h.id = any(host_ids) and h.parked_for = 'limit';
  return likeness.wake_hosts(host_ids);
end
$$;
comment on function likeness.unpark_hosts(bigint[]) is 'Makes hosts claimable again after pictures of theirs were handed back or lost.';
