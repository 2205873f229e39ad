-- What is done again and again, by whom and with what result.

create table likeness.periodic_tasks (
  task text constraint periodic_tasks_pkey primary key constraint periodic_task_has_a_name check (task <> ''),
  cron text not null,
  next_run_at timestamptz not null,
  resume_from jsonb,
  registered_at timestamptz not null,
  says text not null
);
comment on table likeness.periodic_tasks is 'What workers do again and again: one row a task. A worker that starts writes what it knows.';
comment on column likeness.periodic_tasks.task is 'Name of the task.';
comment on column likeness.periodic_tasks.cron is 'When it is due, as cron says it, in UTC.';
comment on column likeness.periodic_tasks.next_run_at is 'When it is due next.';
comment on column likeness.periodic_tasks.resume_from is 'Where the next run goes on: what the last one left, in the words of the task; null: from the beginning.';
comment on column likeness.periodic_tasks.registered_at is 'When a worker last said that it would do this.';
comment on column likeness.periodic_tasks.says is 'What it does.';
comment on index likeness.periodic_tasks_pkey is 'Serves begin_periodic() and end_periodic().';

create table likeness.periodic_runs (
  id bigint generated always as identity constraint periodic_runs_pkey primary key,
  status text not null default 'running' constraint periodic_status_is_known check (status in ('running', 'finished', 'partial', 'failed', 'lost')),
  task text not null constraint periodic_runs_task_fkey references likeness.periodic_tasks on delete cascade,
  worker text not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  counts jsonb not null default '{}' constraint counts_are_an_object check (jsonb_typeof(counts) = 'object'),
  error text,
  constraint running_has_not_ended check ((status = 'running') = (finished_at is null)),
  constraint failed_run_says_why check ((status = 'failed') = (error is not null))
);
comment on table likeness.periodic_runs is 'Each run of a periodic task, and what came of it. Old ones are forgotten by prune_history().';
comment on column likeness.periodic_runs.id is 'Key.';
comment on column likeness.periodic_runs.status is 'running, finished, partial (its time was over; the next goes on), failed, or lost (its process died).';
comment on column likeness.periodic_runs.task is 'The task.';
comment on column likeness.periodic_runs.worker is 'Who did it.';
comment on column likeness.periodic_runs.started_at is 'When it began.';
comment on column likeness.periodic_runs.finished_at is 'When it ended; of a lost one, when that was noticed.';
comment on column likeness.periodic_runs.counts is 'What it did, by name.';
comment on column likeness.periodic_runs.error is 'Why it failed.';
comment on index likeness.periodic_runs_pkey is 'Serves end_periodic().';

create index periodic_runs_task_idx on likeness.periodic_runs (task, id desc);
comment on index likeness.periodic_runs_task_idx is 'Serves periodic_work and the foreign key of periodic_tasks.';
create index periodic_runs_running_idx on likeness.periodic_runs (task) where status = 'running';
comment on index likeness.periodic_runs_running_idx is 'Serves begin_periodic(): runs that a dead process left.';
