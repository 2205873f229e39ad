create or replace function likeness.tend_queue()
returns table (requeued int, promoted int, woken int)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  -- One tender at a time is enough; the others go on.
  if not pg_try_advisory_xact_lock(hashtext('likeness.tend_queue')) then
    return query select 0, 0, 0;
    return;
  end if;
  return query select likeness.requeue_expired(), likeness.promote_retries(), likeness.heal_hosts();
end
$$;
comment on function likeness.tend_queue() is
  'What keeps the queue moving without anybody''s help: expired claims, due retries, hosts parked by mistake. Every worker calls it every few seconds; one at a time does the work.';
