create or replace function likeness.resume_host(host text)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_id bigint;
begin
  update likeness.hosts h
     set paused = false, blocked_until = null, blocked_reason = null, consecutive_faults = 0,
         ready_at = case when h.ready_at is not null then greatest(likeness.clock(), h.next_slot_at) end
   where h.host = lower(resume_host.host)
  returning h.id into v_id;
  if not found then
    raise exception 'there is no host "%"', host using errcode = 'LK002', hint = 'select host from likeness.host_health;';
  end if;
  perform likeness.unpark_hosts(array[v_id]);
  perform pg_notify('likeness_work', '');
end
$$;
comment on function likeness.resume_host(text) is 'Lets a paused or blocked host be called again at once.';
