-- Bytes that nobody shows any more, and bytes that nobody may show.

alter table likeness.blobs
  add column is_deleting boolean not null default false constraint deleting_bytes_are_not_stored check (not is_deleting or status <> 'stored'),
  add column was_taken_over boolean not null default false;
comment on column likeness.blobs.is_deleting is 'Deletion has begun: some of its objects may be gone, so that its bytes must be put again before they are shown.';
comment on column likeness.blobs.was_taken_over is 'Another worker began to store it before: objects may exist though the last one rendered nothing.';

-- squawk-ignore require-concurrent-index-creation
create index blobs_condemned_idx on likeness.blobs (condemned_at) where status = 'condemned';
comment on index likeness.blobs_condemned_idx is 'Serves claim_condemned() and garbage_backlog.';

create table likeness.purged_blobs (
  sha256 text collate "C" constraint purged_blobs_pkey primary key constraint purged_sha256_is_64_hex_digits check (sha256 ~ '^[0-9a-f]{64}$'),
  purged_at timestamptz not null,
  images int not null default 0,
  history_rows int not null default 0,
  purged_by text not null constraint purge_names_a_person check (purged_by <> ''),
  reason text not null constraint purge_has_a_reason check (reason <> '')
);
comment on table likeness.purged_blobs is 'Bytes that were taken down everywhere and never come back: who, when and why. Rows stay.';
comment on column likeness.purged_blobs.sha256 is 'The bytes.';
comment on column likeness.purged_blobs.purged_at is 'When.';
comment on column likeness.purged_blobs.images is 'Places that showed them.';
comment on column likeness.purged_blobs.history_rows is 'Rows of history that named them.';
comment on column likeness.purged_blobs.purged_by is 'Who did it.';
comment on column likeness.purged_blobs.reason is 'Why.';
comment on index likeness.purged_blobs_pkey is 'Serves begin_blobs() and finish_images().';

insert into likeness.failure_reasons (code, is_permanent, meaning, hint) values
  ('purged', true, 'The picture was taken down and may not be shown.', 'See likeness.purged_blobs for who did it and why.');
insert into likeness.image_moves (from_status, to_status, cause) values
  ('completed', 'failed', 'purge_blob()');
