create or replace function likeness.store_blobs(outcomes likeness.outcome[])
returns void
language sql
volatile parallel unsafe
begin atomic
  -- What could not be rendered was never put: no object of it exists, so the row that announced it may go;
  -- but where another worker had begun before, garbage collection looks.
  delete from likeness.blobs b
   where b.status = 'storing' and b.stored_at is null and not b.was_taken_over
     and b.sha256 in (select o.sha256 from unnest(outcomes) o where not o.is_completed and o.sha256 is not null and o.reason is distinct from 'purged')
     and not exists (select from unnest(outcomes) c where c.is_completed and c.sha256 = b.sha256);
  insert into likeness.blobs as b (sha256, status, format, width, height, bytes, has_original, stored_at, phash, placeholder, signature, renditions)
  select distinct on (o.sha256) o.sha256, 'stored', o.blob ->> 'format', (o.blob ->> 'width')::int, (o.blob ->> 'height')::int,
         (o.blob ->> 'bytes')::bigint, (o.blob ->> 'has_original')::boolean, likeness.clock(), (o.blob ->> 'phash')::bigint,
         o.blob ->> 'placeholder', decode(o.blob ->> 'signature', 'base64'), coalesce(o.blob -> 'renditions', '[]')
    from unnest(outcomes) o
   where o.is_completed and jsonb_typeof(o.blob) = 'object'
   order by o.sha256
  on conflict (sha256) do update
     set status = 'stored', is_deleting = false, format = excluded.format, width = excluded.width, height = excluded.height, bytes = excluded.bytes,
         has_original = b.has_original or excluded.has_original, stored_at = excluded.stored_at, storing_expires_at = null, condemned_at = null,
         phash = excluded.phash, placeholder = excluded.placeholder, signature = excluded.signature, renditions = excluded.renditions
   where b.status <> 'stored';
  -- Without the original nothing can be rendered later.
  insert into likeness.rendition_queue (sha256, ready_at, queued_at)
  select distinct o.sha256, likeness.clock(), likeness.clock()
    from unnest(outcomes) o
   where o.is_completed and jsonb_typeof(o.blob) = 'object' and (o.blob ->> 'has_original')::boolean
   order by o.sha256
  on conflict (sha256) do nothing;
end;
comment on function likeness.store_blobs(likeness.outcome[]) is
  'Marks the bytes of completed outcomes as stored, with all that is known of them, wants their further renditions, and forgets those that could not be rendered. Part of finish_images().';
