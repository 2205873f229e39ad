-- When a host may next be asked, whose limits it follows, and runs that are fetched a few pictures at a time.

alter table likeness.hosts
  add column next_request_at timestamptz,
  add column request_no int not null default 0,
  add column unheard_until timestamptz,
  add column least_latency_ms real,
  -- The column is new, so there is nothing to look through.
  -- squawk-ignore adding-foreign-key-constraint
  add column limits_of bigint constraint hosts_limits_of_fkey references likeness.suppliers on delete set null;
comment on column likeness.hosts.next_request_at is 'When the next request may be sent to it: take_slots() moves it on with each one.';
comment on column likeness.hosts.request_no is 'Number of its last request, so that an answer is known to be that of the last.';
comment on column likeness.hosts.unheard_until is 'Its last request was not answered yet; the next waits for the answer, and no longer than this.';
comment on column likeness.hosts.least_latency_ms is 'About the quickest answer of late: from a request to the head of its answer, in milliseconds.';
comment on column likeness.hosts.limits_of is 'Supplier whose limits it follows; null: they were set for this host.';
-- squawk-ignore require-concurrent-index-creation
create index hosts_limits_idx on likeness.hosts (limits_of);
comment on index likeness.hosts_limits_idx is 'Serves save_supplier() and the foreign key of suppliers.';

alter table likeness.runs
  add column max_concurrent int constraint run_cap_is_positive check (max_concurrent > 0),
  add column waiting int not null default 0 constraint run_waiting_is_not_negative check (waiting >= 0);
comment on column likeness.runs.max_concurrent is 'Most pictures of it that are queued or in hand at once; null: no limit of its own.';
comment on column likeness.runs.waiting is 'Pictures of it that are not queued yet, because max_concurrent are: rows of run_waiting.';
-- squawk-ignore require-concurrent-index-creation
create index runs_waiting_idx on likeness.runs (id) where waiting > 0;
comment on index likeness.runs_waiting_idx is 'Serves feed_runs().';

create table likeness.run_waiting (
  run_id bigint not null constraint run_waiting_run_id_fkey references likeness.runs on delete cascade,
  turn bigint generated always as identity,
  image_id bigint not null constraint run_waiting_image_id_fkey references likeness.images on delete cascade,
  priority smallint not null,
  constraint run_waiting_pkey primary key (run_id, turn)
);
comment on table likeness.run_waiting is 'Pictures of runs with max_concurrent that are not queued yet: feed_runs() queues the next ones as others are settled.';
comment on column likeness.run_waiting.run_id is 'The run.';
comment on column likeness.run_waiting.turn is 'Order within the run.';
comment on column likeness.run_waiting.image_id is 'The picture.';
comment on column likeness.run_waiting.priority is 'Class that it is queued with.';
comment on index likeness.run_waiting_pkey is 'Serves feed_runs().';
create index run_waiting_image_idx on likeness.run_waiting (image_id);
comment on index likeness.run_waiting_image_idx is 'Serves the foreign key of images and explain_state().';
-- squawk-ignore require-concurrent-index-creation
create index images_run_retry_idx on likeness.images (run_id) where retry_at is not null and run_id is not null;
comment on index likeness.images_run_retry_idx is 'Serves run_room(): pictures of a run that wait for another attempt.';

alter table likeness.queue_control add column ordered_at timestamptz;
comment on column likeness.queue_control.ordered_at is 'When an idle worker last ordered that the queue be worked: look_at_queue() lets one do so at a time.';

insert into likeness.failure_reasons (code, is_permanent, meaning, hint) values
  ('host-busy', false, 'It redirects to another host that may not be called now.', 'See host_health for that host.');
