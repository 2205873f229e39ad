create or replace function likeness.register_periodic(task text, cron text, next_run_at timestamptz, says text)
returns void
language sql
volatile parallel unsafe
begin atomic
  insert into likeness.periodic_tasks as t (task, cron, next_run_at, says, registered_at)
  values (register_periodic.task, register_periodic.cron, register_periodic.next_run_at, register_periodic.says, likeness.clock())
  on conflict (task) do update
     set cron = excluded.cron, says = excluded.says, registered_at = excluded.registered_at,
         -- What is due or overdue stays so, unless the schedule is another.
         next_run_at = case when t.cron = excluded.cron then least(t.next_run_at, excluded.next_run_at) else excluded.next_run_at end;
end;
comment on function likeness.register_periodic(text, text, timestamptz, text) is
  'A worker that starts says what it does again and again, and when next.';
