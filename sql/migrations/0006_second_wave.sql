-- The second wave: more sizes and formats, made after a product has a picture.

alter table likeness.presets
  add column late_formats text[] not null default '{}' constraint late_formats_are_known check (late_formats <@ '{webp,avif,jpeg}' and not late_formats && formats);
comment on column likeness.presets.late_formats is 'Further formats of a size of the first wave: webp, avif, jpeg, made in the second.';

update likeness.presets set late_formats = '{avif,jpeg}' where name in ('thumb', 'medium') and formats = '{webp}';
insert into likeness.presets (name, wave, width, height, formats) values
  ('thumbnail', 2, 150, 150, '{webp,avif,jpeg}'),
  ('small', 2, 400, 400, '{webp,avif,jpeg}'),
  ('large', 2, 1200, 1200, '{webp,avif,jpeg}')
on conflict (name) do nothing;

create table likeness.rendition_queue (
  sha256 text collate "C" constraint rendition_queue_pkey primary key constraint rendition_queue_sha256_fkey references likeness.blobs on delete cascade,
  status text not null default 'waiting' constraint rendition_status_is_known check (status in ('waiting', 'failed')),
  attempts smallint not null default 0 constraint rendition_attempts_are_counted_up check (attempts >= 0),
  ready_at timestamptz not null,
  queued_at timestamptz not null default now(),
  claimed_by text,
  failure_reason text constraint rendition_queue_failure_reason_fkey references likeness.failure_reasons,
  failure_text text,
  constraint failed_rendition_has_reason check ((status = 'failed') <= (failure_reason is not null)),
  constraint failed_rendition_is_not_claimed check (status = 'waiting' or claimed_by is null)
) with (fillfactor = 80);
comment on table likeness.rendition_queue is 'Bytes of which further renditions may have to be made. A row goes when that is done; workers turn to it when no picture waits.';
comment on column likeness.rendition_queue.sha256 is 'The bytes.';
comment on column likeness.rendition_queue.status is 'waiting (also while a worker has it), or failed for good.';
comment on column likeness.rendition_queue.attempts is 'Claims so far, less those that were handed back.';
comment on column likeness.rendition_queue.ready_at is 'When it may be claimed: at once, after a fault later, while claimed when the claim runs out.';
comment on column likeness.rendition_queue.queued_at is 'Since when it is wanted.';
comment on column likeness.rendition_queue.claimed_by is 'Worker that has it in hand.';
comment on column likeness.rendition_queue.failure_reason is 'Why the last attempt failed.';
comment on column likeness.rendition_queue.failure_text is 'The same in words.';
comment on index likeness.rendition_queue_pkey is 'Serves finish_renditions() and the foreign key of blobs.';

create index rendition_queue_ready_idx on likeness.rendition_queue (ready_at) where status = 'waiting';
comment on index likeness.rendition_queue_ready_idx is 'Serves claim_renditions(): the oldest that may be claimed.';
create index rendition_queue_claimed_idx on likeness.rendition_queue (claimed_by) where claimed_by is not null;
comment on index likeness.rendition_queue_claimed_idx is 'Serves extend_claims() and stop_worker().';
create index rendition_queue_failed_idx on likeness.rendition_queue (failure_reason) where failure_reason is not null;
comment on index likeness.rendition_queue_failed_idx is 'Serves rendition_backlog and the foreign key of failure_reasons.';

insert into likeness.failure_reasons (code, is_permanent, meaning, hint) values
  ('original-missing', true, 'The original is not in the object store, so no further sizes can be made.', 'Fetch the picture afresh: queue_images().');

-- What is stored already gets its further sizes too.
insert into likeness.rendition_queue (sha256, ready_at)
select b.sha256, now() from likeness.blobs b where b.status = 'stored' and b.has_original;
