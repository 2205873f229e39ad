-- The pictures wanted, their state machine, their history, and the runs and workers that fetch them.

create table likeness.runs (
  id bigint generated always as identity constraint runs_pkey primary key,
  status text not null default 'running' constraint run_status_is_known check (status in ('running', 'finished')),
  label text not null,
  wanted int not null default 0,
  attempted int not null default 0,
  stored int not null default 0,
  reused int not null default 0,
  skipped int not null default 0,
  failed int not null default 0,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint finished_run_says_when check ((status = 'finished') = (finished_at is not null))
);
comment on table likeness.runs is 'One mirror run: what was asked for together, and what became of it.';
comment on column likeness.runs.id is 'Key.';
comment on column likeness.runs.status is 'running until every picture of it is completed or failed.';
comment on column likeness.runs.label is 'What it was for.';
comment on column likeness.runs.wanted is 'Pictures queued under it.';
comment on column likeness.runs.attempted is 'Claims that ended, well or not.';
comment on column likeness.runs.stored is 'Pictures completed with bytes that were new.';
comment on column likeness.runs.reused is 'Pictures completed with bytes that were known already.';
comment on column likeness.runs.skipped is 'Pictures that needed nothing.';
comment on column likeness.runs.failed is 'Pictures failed for good.';
comment on column likeness.runs.started_at is 'When it began.';
comment on column likeness.runs.finished_at is 'When its last picture was settled.';
comment on index likeness.runs_pkey is 'Serves run_status and finish_images().';

create table likeness.images (
  id bigint generated always as identity constraint images_pkey primary key,
  status text not null default 'pending',
  product_id bigint constraint images_product_id_fkey references likeness.products on delete cascade,
  canonical_product_id bigint constraint images_canonical_product_id_fkey references likeness.canonical_products on delete cascade,
  position smallint not null default 0 constraint position_is_not_negative check (position >= 0),
  role text not null default 'hero' constraint role_is_known check (role in ('hero', 'gallery', 'thumb')),
  priority smallint not null default 0 constraint priority_is_a_class check (priority between 0 and 3),
  attempts smallint not null default 0 constraint attempts_are_counted_up check (attempts >= 0),
  worker_deaths smallint not null default 0 constraint deaths_are_counted_up check (worker_deaths >= 0),
  failure_reason text constraint images_failure_reason_fkey references likeness.failure_reasons,
  failure_text text,
  queued_at timestamptz,
  retry_at timestamptz,
  claimed_by text,
  claim_expires_at timestamptz,
  claim_no int not null default 0,
  is_suspect boolean not null default false,
  is_alone boolean not null default false,
  mirrored_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  host_id bigint constraint images_host_id_fkey references likeness.hosts,
  run_id bigint constraint images_run_id_fkey references likeness.runs on delete set null,
  blob_sha256 text collate "C" constraint images_blob_sha256_fkey references likeness.blobs,
  source_bytes bigint,
  source_etag text,
  source_last_modified text,
  source_url text not null constraint image_has_a_source check (source_url <> ''),
  fetch_url text,
  constraint status_is_known check (status in ('pending', 'processing', 'completed', 'failed', 'outdated')),
  constraint image_has_one_owner check (num_nonnulls(product_id, canonical_product_id) = 1),
  constraint completed_has_blob check (status not in ('completed', 'outdated') or blob_sha256 is not null),
  constraint blob_says_since_when check ((blob_sha256 is null) = (mirrored_at is null)),
  constraint processing_is_claimed check ((status = 'processing') = (claimed_by is not null)),
  constraint only_a_claimed_suspect_is_alone check (not is_alone or (is_suspect and claimed_by is not null)),
  constraint claim_has_expiry check ((claimed_by is null) = (claim_expires_at is null)),
  constraint failed_has_reason check (status <> 'failed' or failure_reason is not null),
  constraint completed_has_no_failure check (status <> 'completed' or failure_reason is null),
  constraint only_waiting_is_queued check (queued_at is null or status in ('pending', 'outdated')),
  constraint queued_knows_its_host check (queued_at is null or (host_id is not null and fetch_url is not null)),
  constraint retry_is_queued check (retry_at is null or queued_at is not null),
  constraint one_image_a_position unique (product_id, position) deferrable initially immediate,
  constraint one_canonical_image_a_position unique (canonical_product_id, position) deferrable initially immediate
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.05);
comment on table likeness.images is 'A picture wanted: a place (owner and position) and its source. Its state machine is in sql/README.md.';
comment on column likeness.images.id is 'Key.';
comment on column likeness.images.status is 'pending, processing, completed, failed, or outdated (completed, known stale, still served).';
comment on column likeness.images.product_id is 'The product it belongs to, or null when it is shared.';
comment on column likeness.images.canonical_product_id is 'The real-world product that shares it, or null when it is one product''s own.';
comment on column likeness.images.position is 'Order among the owner''s pictures; 0 comes first.';
comment on column likeness.images.role is 'hero (the first), gallery, or thumb.';
comment on column likeness.images.priority is '3 being looked at now, 2 in a result just listed, 1 popular, 0 rest.';
comment on column likeness.images.attempts is 'Claims that ended in a fault of the source since it was last completed or queued afresh.';
comment on column likeness.images.worker_deaths is 'Workers that died while this was the only picture they had in hand.';
comment on column likeness.images.failure_reason is 'Why the last attempt failed: a code of failure_reasons.';
comment on column likeness.images.failure_text is 'The same in words, with the particulars.';
comment on column likeness.images.queued_at is 'Waiting to be claimed since; null when it does not wait.';
comment on column likeness.images.retry_at is 'Not claimed before this; null: due now.';
comment on column likeness.images.claimed_by is 'Worker that has it in hand.';
comment on column likeness.images.claim_expires_at is 'When the claim is lost unless renewed.';
comment on column likeness.images.claim_no is 'Counts claims: a finish with an older number is refused.';
comment on column likeness.images.is_suspect is 'A worker died with it in hand: it is claimed alone until it ends.';
comment on column likeness.images.is_alone is 'Its worker has nothing else in hand: if that worker dies now, this picture did it.';
comment on column likeness.images.mirrored_at is 'When its bytes were last fetched or confirmed.';
comment on column likeness.images.created_at is 'When it was first wanted.';
comment on column likeness.images.updated_at is 'When its state last changed.';
comment on column likeness.images.host_id is 'Host of fetch_url.';
comment on column likeness.images.run_id is 'Run it was last queued under.';
comment on column likeness.images.blob_sha256 is 'The bytes it shows; kept while a refresh is pending or has failed.';
comment on column likeness.images.source_bytes is 'Length of the source when last fetched.';
comment on column likeness.images.source_etag is 'ETag of the source when last fetched.';
comment on column likeness.images.source_last_modified is 'Last-Modified of the source when last fetched, as sent.';
comment on column likeness.images.source_url is 'Address or path as the feed gave it; never erased.';
comment on column likeness.images.fetch_url is 'Absolute address, built from source_url and the dataset''s prefix when it was queued.';
comment on index likeness.images_pkey is 'Serves finish_images() and the proxy.';
comment on index likeness.one_image_a_position is 'Serves resolve_display_urls() and the foreign key of products.';
comment on index likeness.one_canonical_image_a_position is 'Serves resolve_display_urls() for shared pictures and the foreign key of canonical_products.';

create index images_claimable_idx on likeness.images (host_id, priority desc, queued_at, id) where queued_at is not null and retry_at is null;
comment on index likeness.images_claimable_idx is 'Serves claim_images(): the best waiting pictures of one host.';
create index images_retry_idx on likeness.images (retry_at) where retry_at is not null;
comment on index likeness.images_retry_idx is 'Serves promote_retries().';
create index images_in_flight_idx on likeness.images (host_id, claim_expires_at) where claimed_by is not null;
comment on index likeness.images_in_flight_idx is 'Serves claim_images(): how many pictures of a host are in hand.';
create index images_lease_idx on likeness.images (claim_expires_at) where claimed_by is not null;
comment on index likeness.images_lease_idx is 'Serves requeue_expired() and extend_claims().';
create index images_host_idx on likeness.images (host_id);
comment on index likeness.images_host_idx is 'Serves the foreign key of hosts and host_backlog.';
create index images_run_idx on likeness.images (run_id) where run_id is not null;
comment on index likeness.images_run_idx is 'Serves run_status and the foreign key of runs.';
create index images_blob_idx on likeness.images (blob_sha256) where blob_sha256 is not null;
comment on index likeness.images_blob_idx is 'Serves garbage collection and the foreign key of blobs.';
create index images_failed_idx on likeness.images (failure_reason, id) where failure_reason is not null;
comment on index likeness.images_failed_idx is 'Serves failures_by_reason and the foreign key of failure_reasons.';
create index images_fetch_url_idx on likeness.images using hash (fetch_url);
comment on index likeness.images_fetch_url_idx is 'Serves find_image_by_url(): GET /api/images/serve?url=.';

create table likeness.image_moves (
  from_status text not null,
  to_status text not null,
  cause text not null,
  constraint image_moves_pkey primary key (from_status, to_status)
);
comment on table likeness.image_moves is 'The moves of images.status that are allowed; a trigger refuses all others.';
comment on column likeness.image_moves.from_status is 'Status before.';
comment on column likeness.image_moves.to_status is 'Status after.';
comment on column likeness.image_moves.cause is 'What makes the move.';
comment on index likeness.image_moves_pkey is 'Serves the trigger images__check_move.';

insert into likeness.image_moves (from_status, to_status, cause) values
  ('pending', 'processing', 'claim_images()'),
  ('outdated', 'processing', 'claim_images()'),
  ('processing', 'completed', 'finish_images()'),
  ('processing', 'failed', 'finish_images(): a permanent fault, or the last attempt; requeue_expired(): poison'),
  ('processing', 'pending', 'finish_images(): a retry; release_images(); requeue_expired()'),
  ('processing', 'outdated', 'the same for a picture that is still served'),
  ('pending', 'failed', 'queue_images(): no address can be built'),
  ('outdated', 'failed', 'queue_images(): no address can be built'),
  ('failed', 'pending', 'queue_images(): retry, lazy request, changed source'),
  ('failed', 'outdated', 'the same for a picture that is still served'),
  ('completed', 'outdated', 'queue_images(): refresh or changed source');

create table likeness.image_history (
  id bigint generated always as identity constraint image_history_pkey primary key,
  image_id bigint not null,
  product_id bigint,
  canonical_product_id bigint,
  position smallint not null,
  shown_at timestamptz not null,
  cause text not null,
  blob_sha256 text collate "C" constraint image_history_blob_sha256_fkey references likeness.blobs
);
comment on table likeness.image_history is 'Which bytes a place showed from when on. Append-only; a row holds until the next one of its image.';
comment on column likeness.image_history.id is 'Key.';
comment on column likeness.image_history.image_id is 'The place; its row may be gone, so no foreign key.';
comment on column likeness.image_history.product_id is 'Owner at that time.';
comment on column likeness.image_history.canonical_product_id is 'Owner at that time.';
comment on column likeness.image_history.position is 'Position at that time.';
comment on column likeness.image_history.shown_at is 'From when on.';
comment on column likeness.image_history.cause is 'mirrored, removed, rolled back ...';
comment on column likeness.image_history.blob_sha256 is 'The bytes; null: nothing.';
comment on index likeness.image_history_pkey is 'Keeps rows of one instant in the order in which they were written.';

create index image_history_image_idx on likeness.image_history (image_id, shown_at desc, id desc);
comment on index likeness.image_history_image_idx is 'Serves the view as of a time and rollback.';
create index image_history_blob_idx on likeness.image_history (blob_sha256) where blob_sha256 is not null;
comment on index likeness.image_history_blob_idx is 'Serves garbage collection and the foreign key of blobs.';

create table likeness.workers (
  id bigint generated always as identity constraint workers_pkey primary key,
  status text not null default 'running' constraint worker_status_is_known check (status in ('running', 'stopped')),
  name text not null constraint worker_has_a_name check (name <> ''),
  finished bigint not null default 0,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  stopped_at timestamptz,
  version text not null default '',
  constraint stopped_worker_says_when check ((status = 'stopped') = (stopped_at is not null))
);
comment on table likeness.workers is 'Worker processes, past and present; images.claimed_by is <name>/<id>.';
comment on column likeness.workers.id is 'Key.';
comment on column likeness.workers.status is 'running, or stopped in good order; a dead one stays running with an old seen_at.';
comment on column likeness.workers.name is 'LIKENESS_WORKER_NAME.';
comment on column likeness.workers.finished is 'Pictures finished, well or not.';
comment on column likeness.workers.started_at is 'When it started.';
comment on column likeness.workers.seen_at is 'Last heartbeat.';
comment on column likeness.workers.stopped_at is 'When it stopped.';
comment on column likeness.workers.version is 'Version of the program.';
comment on index likeness.workers_pkey is 'Serves beat_worker().';

create type likeness.outcome as (
  image_id bigint,
  claim_no int,
  is_completed boolean,
  is_reused boolean,
  sha256 text,
  source_bytes bigint,
  etag text,
  last_modified text,
  fetch_ms real,
  reason text,
  failure_text text,
  is_retryable boolean,
  is_host_fault boolean,
  retry_after_seconds real,
  blob jsonb
);
comment on type likeness.outcome is 'What became of one claim, as finish_images() takes it (a JSON object with these keys).';
comment on column likeness.outcome.image_id is 'The picture.';
comment on column likeness.outcome.claim_no is 'The claim that this ends.';
comment on column likeness.outcome.is_completed is 'It has its bytes; otherwise it failed.';
comment on column likeness.outcome.is_reused is 'The bytes were known already, or had not changed.';
comment on column likeness.outcome.sha256 is 'sha256 of what was fetched; null: nothing was, or it had not changed.';
comment on column likeness.outcome.source_bytes is 'Length of what was fetched.';
comment on column likeness.outcome.etag is 'Validator for the next fetch.';
comment on column likeness.outcome.last_modified is 'Validator for the next fetch.';
comment on column likeness.outcome.fetch_ms is 'Duration of the fetch in milliseconds.';
comment on column likeness.outcome.reason is 'Code of failure_reasons.';
comment on column likeness.outcome.failure_text is 'The failure in words.';
comment on column likeness.outcome.is_retryable is 'It may be tried again.';
comment on column likeness.outcome.is_host_fault is 'It counts against the host.';
comment on column likeness.outcome.retry_after_seconds is 'Least wait that the source asked for.';
comment on column likeness.outcome.blob is 'What store_blobs() keeps of new bytes.';
