create or replace function likeness.prune_history(keep interval default '14 days')
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_before timestamptz := likeness.clock() - keep;
  v_minutes int;
  v_workers int;
  v_runs int;
  v_deliveries int;
begin
  if keep < interval '1 hour' then
    raise exception 'keep must be at least an hour, not %', keep using errcode = 'LK004';
  end if;
  with gone as (
    delete from likeness.worker_minutes m where m.minute_at < v_before returning m.worker, m.stored + m.reused + m.failed + m.retried as finished
  ),
  kept as (
    -- A worker's own count goes on.
    update likeness.workers w
       set finished = w.finished + g.finished
      from (select o.worker, sum(o.finished) as finished from gone o group by o.worker) g
     where g.worker = w.name || '/' || w.id
  )
  select count(*) into v_minutes from gone;
  -- A worker that somebody still waits for (its claims have not been taken back) stays.
  delete from likeness.workers w
   where w.seen_at < v_before
     and not exists (select from likeness.images i where i.claimed_by = w.name || '/' || w.id);
  get diagnostics v_workers = row_count;
  -- The last run of a task says how things are, however long ago it was.
  delete from likeness.periodic_runs r
   where r.finished_at < v_before
     and exists (select from likeness.periodic_runs n where n.task = r.task and n.id > r.id);
  get diagnostics v_runs = row_count;
  -- What no worker of this version does is overdue for ever; what one does was announced or run meanwhile.
  delete from likeness.periodic_tasks t
   where t.next_run_at < likeness.clock() - interval '1 day' and t.registered_at < likeness.clock() - interval '1 day'
     and not exists (select from likeness.periodic_runs r where r.task = t.task and r.status = 'running');
  delete from likeness.webhook_deliveries d where d.status <> 'waiting' and d.finished_at < v_before;
  get diagnostics v_deliveries = row_count;
  return v_minutes + v_workers + v_runs + v_deliveries;
end
$$;
comment on function likeness.prune_history(interval) is
  'Forgets the counts of minutes, the runs of periodic tasks, finished deliveries and the workers that were last seen longer ago than keep; returns how many rows. The sweep calls it.';
