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

-- History: what a product showed at a time, what changed since one, and going back to it.

-- squawk-ignore require-concurrent-index-creation
create index image_history_product_idx on likeness.image_history (product_id, shown_at) where product_id is not null;
comment on index likeness.image_history_product_idx is 'Serves resolve_display_urls_as_of().';
-- squawk-ignore require-concurrent-index-creation
create index image_history_canonical_idx on likeness.image_history (canonical_product_id, shown_at) where canonical_product_id is not null;
comment on index likeness.image_history_canonical_idx is 'Serves resolve_display_urls_as_of() for shared pictures.';
-- squawk-ignore require-concurrent-index-creation
create index image_history_shown_idx on likeness.image_history using brin (shown_at);
comment on index likeness.image_history_shown_idx is 'Serves plan_rollback(): what changed since a time. Rows come in the order of time, so a few pages say where.';

-- Moves were not recorded until now: what is true today is known from today on.
insert into likeness.image_history (image_id, product_id, canonical_product_id, position, blob_sha256, shown_at, cause)
select i.id, i.product_id, i.canonical_product_id, i.position, i.blob_sha256, now(), 'moved'
  from likeness.images i
 cross join lateral (
   select h.* from likeness.image_history h where h.image_id = i.id order by h.shown_at desc, h.id desc limit 1) h
 where i.blob_sha256 is not null
   and (i.product_id, i.canonical_product_id, i.position) is distinct from (h.product_id, h.canonical_product_id, h.position);

create table likeness.rollbacks (
  id bigint generated always as identity constraint rollbacks_pkey primary key,
  supplier_id bigint not null constraint rollbacks_supplier_id_fkey references likeness.suppliers on delete cascade,
  since_at timestamptz not null,
  done_at timestamptz not null,
  images int not null default 0,
  released_at timestamptz,
  done_by text not null,
  constraint rollback_goes_back check (since_at <= done_at)
);
comment on table likeness.rollbacks is 'Times when a supplier''s pictures were put back to what they were: rollback_supplier().';
comment on column likeness.rollbacks.id is 'Key.';
comment on column likeness.rollbacks.supplier_id is 'Whose pictures.';
comment on column likeness.rollbacks.since_at is 'They show what they showed just before this.';
comment on column likeness.rollbacks.done_at is 'When it was done.';
comment on column likeness.rollbacks.images is 'How many pictures were put back.';
comment on column likeness.rollbacks.released_at is 'Since when the bytes that it took away may come again: release_rollback().';
comment on column likeness.rollbacks.done_by is 'Who did it.';
comment on index likeness.rollbacks_pkey is 'Serves release_rollback().';
create index rollbacks_supplier_idx on likeness.rollbacks (supplier_id, id desc);
comment on index likeness.rollbacks_supplier_idx is 'Serves the foreign key of suppliers.';

-- Cleanup: products that left long ago give their pictures back.

alter table likeness.products add column pictures_released_at timestamptz;
comment on column likeness.products.pictures_released_at is 'When cleanup_products() last took its pictures; what it left after that counts anew.';
-- squawk-ignore require-concurrent-index-creation
create index products_left_idx on likeness.products (status_changed_at, id) where status <> 'active' and (pictures_released_at is null or pictures_released_at < status_changed_at);
comment on index likeness.products_left_idx is 'Serves cleanup_products(): who left longest ago and still has its pictures.';

insert into likeness.image_moves (from_status, to_status, cause) values
  ('completed', 'pending', 'cleanup_products()'),
  ('outdated', 'pending', 'cleanup_products()');

-- Alerts: what is measured, when it is too much, and who hears of it.

-- squawk-ignore require-concurrent-index-creation
create index images_given_up_idx on likeness.images (id) where status = 'failed';
comment on index likeness.images_given_up_idx is 'Serves queue_counts and alert_measures: how many pictures failed for good.';
-- squawk-ignore require-concurrent-index-creation
create index images_at_rest_idx on likeness.images (status) where queued_at is null and status in ('pending', 'outdated');
comment on index likeness.images_at_rest_idx is 'Serves queue_counts and backfill_images(): pictures without bytes that nobody has queued.';

create table likeness.alert_rules (
  rule text constraint alert_rules_pkey primary key,
  is_enabled boolean not null default true,
  threshold double precision not null,
  lasting interval not null default '0' constraint lasting_is_not_negative check (lasting >= interval '0'),
  unit text not null,
  says text not null,
  hint text not null
);
comment on table likeness.alert_rules is 'When a measure of alert_measures is an alert: set_alert() changes it.';
comment on column likeness.alert_rules.rule is 'The measure.';
comment on column likeness.alert_rules.is_enabled is 'Off: it never opens.';
comment on column likeness.alert_rules.threshold is 'More than this is too much.';
comment on column likeness.alert_rules.lasting is 'For so long without a break.';
comment on column likeness.alert_rules.unit is 'What the measure counts.';
comment on column likeness.alert_rules.says is 'What it means.';
comment on column likeness.alert_rules.hint is 'What to do.';
comment on index likeness.alert_rules_pkey is 'Serves alert_status and set_alert().';

insert into likeness.alert_rules (rule, threshold, lasting, unit, says, hint) values
  ('pending', 1000, '1 hour', 'pictures', 'More pictures wait than the workers get done.', 'select * from likeness.worker_status; select * from likeness.host_backlog; more workers help where least_duration is short.'),
  ('failed-share', 0.20, '0', 'share of all pictures', 'Many pictures failed for good.', 'select * from likeness.failures_by_reason;'),
  ('failing-now', 0.20, '10 minutes', 'share of what was settled in the last hour', 'Many pictures fail just now.', 'select * from likeness.failures_by_reason; select * from likeness.host_health;'),
  ('processing', 15, '0', 'minutes', 'A worker has had a picture in hand for long.', 'select * from likeness.claims; if its worker is lost: select likeness.requeue_expired();'),
  ('storage', 0.80, '0', 'share of the quota', 'The object store fills up.', 'likeness gc; lower LIKENESS_HISTORY_DAYS or raise LIKENESS_STORAGE_QUOTA_BYTES.'),
  ('breaker', 4, '1 hour', 'faults in a row', 'A source host has not answered for long.', 'select * from likeness.host_health where status = ''blocked''; ask the supplier; then select likeness.resume_host(HOST).'),
  ('freshness', 24, '0', 'hours', 'Looks at sources are overdue.', 'select * from likeness.periodic_work; raise the budget of the checks, or run more workers.'),
  ('garbage', 7, '0', 'days', 'Bytes that were due for deletion are still there.', 'likeness gc; select * from likeness.garbage_backlog;'),
  ('periodic-overdue', 15, '0', 'minutes', 'Periodic work is not done.', 'Is a worker running? select * from likeness.periodic_work;'),
  ('periodic-failing', 2, '0', 'failed runs in a row', 'Periodic work fails again and again.', 'select task, error from likeness.periodic_work;'),
  ('webhooks', 0, '0', 'deliveries given up within a day', 'A receiver of events did not take them.', 'select * from likeness.webhook_status; likeness webhooks retry.');

create table likeness.alert_watch (
  rule text constraint alert_watch_rule_fkey references likeness.alert_rules on delete cascade,
  subject text,
  over_since_at timestamptz not null,
  constraint alert_watch_pkey primary key (rule, subject)
);
comment on table likeness.alert_watch is 'What was too much when watch_alerts() last looked.';
comment on column likeness.alert_watch.rule is 'The measure.';
comment on column likeness.alert_watch.subject is 'What of: a host, a task; empty: the whole system.';
comment on column likeness.alert_watch.over_since_at is 'Since when without a break.';
comment on index likeness.alert_watch_pkey is 'Serves alert_status and watch_alerts().';

create table likeness.alert_events (
  id bigint generated always as identity constraint alert_events_pkey primary key,
  status text not null default 'open' constraint alert_status_is_known check (status in ('open', 'closed')),
  rule text not null constraint alert_events_rule_fkey references likeness.alert_rules on delete cascade,
  subject text not null,
  value double precision not null,
  worst double precision not null,
  threshold double precision not null,
  opened_at timestamptz not null,
  closed_at timestamptz,
  constraint closed_alert_says_when check ((status = 'closed') = (closed_at is not null))
);
comment on table likeness.alert_events is 'Alerts that opened, and closed again.';
comment on column likeness.alert_events.id is 'Key.';
comment on column likeness.alert_events.status is 'open or closed.';
comment on column likeness.alert_events.rule is 'The measure.';
comment on column likeness.alert_events.subject is 'What of: a host, a task; empty: the whole system.';
comment on column likeness.alert_events.value is 'What it was last.';
comment on column likeness.alert_events.worst is 'What it was at its worst.';
comment on column likeness.alert_events.threshold is 'What was too much when it opened.';
comment on column likeness.alert_events.opened_at is 'When it opened.';
comment on column likeness.alert_events.closed_at is 'When it closed.';
comment on index likeness.alert_events_pkey is 'Keeps rows in the order in which they opened.';
create unique index alert_events_open_idx on likeness.alert_events (rule, subject) where status = 'open';
comment on index likeness.alert_events_open_idx is 'Keeps an alert from opening twice; serves alert_status.';
create index alert_events_rule_idx on likeness.alert_events (rule, id desc);
comment on index likeness.alert_events_rule_idx is 'Serves the foreign key of alert_rules, and who looks back.';

create table likeness.storage_usage (
  is_only_row boolean constraint storage_usage_pkey primary key default true constraint there_is_one_usage check (is_only_row),
  bytes bigint not null default 0,
  blobs bigint not null default 0,
  quota_bytes bigint constraint quota_is_positive check (quota_bytes > 0),
  garbage_grace interval not null default '30 days',
  measured_at timestamptz
);
comment on table likeness.storage_usage is 'What the object store held when it was last counted, and the settings that alerts compare with, as the workers have them.';
comment on column likeness.storage_usage.is_only_row is 'Keeps it one row.';
comment on column likeness.storage_usage.bytes is 'Bytes of all originals and renditions that the database knows.';
comment on column likeness.storage_usage.blobs is 'How many originals.';
comment on column likeness.storage_usage.quota_bytes is 'LIKENESS_STORAGE_QUOTA_BYTES; null: no quota.';
comment on column likeness.storage_usage.garbage_grace is 'LIKENESS_GARBAGE_GRACE_DAYS.';
comment on column likeness.storage_usage.measured_at is 'When it was counted.';
comment on index likeness.storage_usage_pkey is 'Serves alert_measures.';
insert into likeness.storage_usage (is_only_row) values (true);

-- The outbox: events that others want to hear of, delivered at least once.

create table likeness.webhooks (
  id bigint generated always as identity constraint webhooks_pkey primary key,
  status text not null default 'active' constraint webhook_status_is_known check (status in ('active', 'paused')),
  url text not null constraint webhooks_url_key unique constraint webhook_has_an_address check (url ~* '^https?://[^/?#]+'),
  events text[] not null constraint webhook_wants_something check (cardinality(events) > 0),
  created_at timestamptz not null
);
comment on table likeness.webhooks is 'Who wants to hear of events: save_webhook().';
comment on column likeness.webhooks.id is 'Key.';
comment on column likeness.webhooks.status is 'active, or paused: nothing new is put into its outbox.';
comment on column likeness.webhooks.url is 'Where events are posted.';
comment on column likeness.webhooks.events is 'Names of events, or beginnings that end in *: alert.opened, alert.*, *.';
comment on column likeness.webhooks.created_at is 'When it was made.';
comment on index likeness.webhooks_pkey is 'Serves claim_deliveries().';
comment on index likeness.webhooks_url_key is 'Serves save_webhook().';

create table likeness.webhook_secrets (
  webhook_id bigint constraint webhook_secrets_pkey primary key constraint webhook_secrets_webhook_id_fkey references likeness.webhooks on delete cascade,
  secret text not null constraint secret_is_long check (length(secret) >= 16)
);
comment on table likeness.webhook_secrets is 'What deliveries are signed with. Out of reach of likeness_reader.';
comment on column likeness.webhook_secrets.webhook_id is 'Whose.';
comment on column likeness.webhook_secrets.secret is 'The key of the HMAC.';
comment on index likeness.webhook_secrets_pkey is 'Serves claim_deliveries() and the foreign key of webhooks.';

create table likeness.webhook_deliveries (
  id bigint generated always as identity constraint webhook_deliveries_pkey primary key,
  status text not null default 'waiting' constraint delivery_status_is_known check (status in ('waiting', 'delivered', 'failed')),
  webhook_id bigint not null constraint webhook_deliveries_webhook_id_fkey references likeness.webhooks on delete cascade,
  event text not null,
  attempts smallint not null default 0 constraint delivery_attempts_are_counted_up check (attempts >= 0),
  created_at timestamptz not null,
  next_attempt_at timestamptz,
  finished_at timestamptz,
  http_status int,
  error text,
  payload jsonb not null,
  constraint waiting_delivery_has_a_next_attempt check ((status = 'waiting') = (next_attempt_at is not null)),
  constraint finished_delivery_says_when check ((status = 'waiting') = (finished_at is null))
) with (fillfactor = 80);
comment on table likeness.webhook_deliveries is 'The outbox: each event for each webhook that wants it. Delivered at least once; old ones are forgotten by prune_history().';
comment on column likeness.webhook_deliveries.id is 'Key; a receiver knows a repetition by it.';
comment on column likeness.webhook_deliveries.status is 'waiting, delivered or failed (given up after 8 attempts).';
comment on column likeness.webhook_deliveries.webhook_id is 'For whom.';
comment on column likeness.webhook_deliveries.event is 'What happened.';
comment on column likeness.webhook_deliveries.attempts is 'Attempts begun.';
comment on column likeness.webhook_deliveries.created_at is 'When it happened.';
comment on column likeness.webhook_deliveries.next_attempt_at is 'Not tried before this; while an attempt is under way, when it counts as lost.';
comment on column likeness.webhook_deliveries.finished_at is 'When it was taken, or given up.';
comment on column likeness.webhook_deliveries.http_status is 'What the receiver answered last.';
comment on column likeness.webhook_deliveries.error is 'Why the last attempt failed.';
comment on column likeness.webhook_deliveries.payload is 'The particulars.';
comment on index likeness.webhook_deliveries_pkey is 'Serves finish_delivery().';
create index webhook_deliveries_due_idx on likeness.webhook_deliveries (next_attempt_at) where status = 'waiting';
comment on index likeness.webhook_deliveries_due_idx is 'Serves claim_deliveries().';
create index webhook_deliveries_webhook_idx on likeness.webhook_deliveries (webhook_id);
comment on index likeness.webhook_deliveries_webhook_idx is 'Serves webhook_status and the foreign key of webhooks.';
create index webhook_deliveries_finished_idx on likeness.webhook_deliveries (status, finished_at) where status <> 'waiting';
comment on index likeness.webhook_deliveries_finished_idx is 'Serves alert_measures and prune_history().';
