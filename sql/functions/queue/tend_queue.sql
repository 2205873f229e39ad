create or replace function likeness.tend_queue()
returns table (requeued int, promoted int, woken int)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_now timestamptz := likeness.clock();
begin
  -- One tender at a time is enough; the others go on.
  if not pg_try_advisory_xact_lock(hashtext('likeness.tend_queue')) then
    return query select 0, 0, 0;
    return;
  end if;
  -- Lock order of sql/README.md holds over all three together.
  perform 1
     from likeness.hosts h
    where h.id in (select e.host_id from (select i.host_id from likeness.images i where i.claimed_by is not null and i.claim_expires_at <= v_now order by i.claim_expires_at limit 1000) e
                    union all
                   select d.host_id from (select i.host_id from likeness.images i where i.retry_at <= v_now order by i.retry_at limit 5000) d)
    order by h.id
      for no key update;
  return query select likeness.requeue_expired(), likeness.promote_retries(), likeness.heal_hosts();
end
$$;
comment on function likeness.tend_queue() is
  'What keeps the queue moving without anybody''s help: expired claims, due retries, hosts parked by mistake. Every worker calls it every few seconds; one at a time does the work.';
