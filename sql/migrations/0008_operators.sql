-- What people switch, and what they want to see by the minute.

create table likeness.queue_control (
  is_only_row boolean constraint queue_control_pkey primary key default true constraint there_is_one_row check (is_only_row),
  is_paused boolean not null default false,
  paused_at timestamptz,
  reason text,
  constraint paused_queue_says_since_when check (is_paused = (paused_at is not null)),
  constraint only_a_paused_queue_has_a_reason check (is_paused or reason is null)
);
comment on table likeness.queue_control is 'The switch of the whole queue, in one row: pause_queue(), resume_queue().';
comment on column likeness.queue_control.is_only_row is 'Keeps it one row.';
comment on column likeness.queue_control.is_paused is 'claim_images() hands out nothing.';
comment on column likeness.queue_control.paused_at is 'Since when.';
comment on column likeness.queue_control.reason is 'Why, in the words of who paused it.';
comment on index likeness.queue_control_pkey is 'Serves claim_images().';

insert into likeness.queue_control (is_only_row) values (true);

create table likeness.worker_minutes (
  minute_at timestamptz not null,
  worker text not null,
  stored int not null default 0,
  reused int not null default 0,
  failed int not null default 0,
  retried int not null default 0,
  bytes bigint not null default 0,
  constraint worker_minutes_pkey primary key (minute_at, worker)
) with (fillfactor = 50);
comment on table likeness.worker_minutes is 'What each worker did in each minute. A row a worker: no two of them wait for each other to count.';
comment on column likeness.worker_minutes.minute_at is 'The beginning of the minute.';
comment on column likeness.worker_minutes.worker is 'The worker, as in images.claimed_by.';
comment on column likeness.worker_minutes.stored is 'Pictures completed with bytes that were new.';
comment on column likeness.worker_minutes.reused is 'Pictures completed with bytes that were known already.';
comment on column likeness.worker_minutes.failed is 'Pictures failed for good.';
comment on column likeness.worker_minutes.retried is 'Pictures that failed and will be tried again.';
comment on column likeness.worker_minutes.bytes is 'Bytes fetched.';
comment on index likeness.worker_minutes_pkey is 'Serves finish_images(), throughput and prune_history().';

alter table likeness.workers add column drain_asked_at timestamptz;
comment on column likeness.workers.drain_asked_at is 'Since when it shall claim nothing more: drain().';
