create or replace view likeness.periodic_work as
select t.task,
       case when r.status = 'running' and not exists (
              select
                from pg_locks l
               where l.locktype = 'advisory' and l.database = (select d.oid from pg_database d where d.datname = current_database())
                 and l.classid::bigint = hashtext('likeness.periodic')::bigint & 4294967295 and l.objid::bigint = hashtext(t.task)::bigint & 4294967295
                 and l.objsubid = 2 and l.granted) then 'lost'
            else coalesce(r.status, 'never ran') end as status,
       r.started_at, coalesce(r.finished_at, likeness.clock()) - r.started_at as lasted, r.counts, r.error,
       d.runs as runs_today, d.failed as failed_today, d.done_at as last_success_at,
       t.next_run_at, t.next_run_at < likeness.clock() - interval '15 minutes' and r.status is distinct from 'running' as is_overdue,
       t.resume_from is not null as is_resumed_next, t.cron, r.worker, t.says
  from likeness.periodic_tasks t
  left join lateral (
    select y.* from likeness.periodic_runs y where y.task = t.task order by y.id desc limit 1) r on true
  left join lateral (
    select count(*) filter (where y.started_at > likeness.clock() - interval '1 day') as runs,
           count(*) filter (where y.started_at > likeness.clock() - interval '1 day' and y.status in ('failed', 'lost')) as failed,
           max(y.finished_at) filter (where y.status in ('finished', 'partial')) as done_at
      from likeness.periodic_runs y
     where y.task = t.task) d on true
 order by t.next_run_at, t.task;
comment on view likeness.periodic_work is 'What workers do again and again: what the last run did, and when the next is due.';
comment on column likeness.periodic_work.task is 'The task.';
comment on column likeness.periodic_work.status is 'The last run: running, finished, partial (the next goes on), failed, lost (its process died) or never ran.';
comment on column likeness.periodic_work.started_at is 'When it began.';
comment on column likeness.periodic_work.lasted is 'How long it took, or has been running.';
comment on column likeness.periodic_work.counts is 'What it did, by name.';
comment on column likeness.periodic_work.error is 'Why it failed.';
comment on column likeness.periodic_work.runs_today is 'Runs in the last 24 hours.';
comment on column likeness.periodic_work.failed_today is 'Of those, failed or lost ones.';
comment on column likeness.periodic_work.last_success_at is 'When a run last ended well.';
comment on column likeness.periodic_work.next_run_at is 'When it is due next.';
comment on column likeness.periodic_work.is_overdue is 'It was due a quarter of an hour ago and nobody does it: is a worker running?';
comment on column likeness.periodic_work.is_resumed_next is 'The next run goes on where the last one left off.';
comment on column likeness.periodic_work.cron is 'When it is due, as cron says it, in UTC.';
comment on column likeness.periodic_work.worker is 'Who did the last run.';
comment on column likeness.periodic_work.says is 'What it does.';
