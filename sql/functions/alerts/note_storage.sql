create or replace function likeness.note_storage(bytes bigint default null, blobs bigint default null, quota_bytes bigint default null, garbage_grace interval default null)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
begin
  perform likeness.need_count('bytes', coalesce(note_storage.bytes, 0), 0);
  perform likeness.need_count('blobs', coalesce(note_storage.blobs, 0), 0);
  perform likeness.need_count('quota_bytes', coalesce(note_storage.quota_bytes, 1));
  perform likeness.need_time('garbage_grace', coalesce(note_storage.garbage_grace, interval '0'));
  update likeness.storage_usage u
     set bytes = coalesce(note_storage.bytes, u.bytes), blobs = coalesce(note_storage.blobs, u.blobs),
         measured_at = case when note_storage.bytes is not null then likeness.clock() else u.measured_at end,
         quota_bytes = note_storage.quota_bytes, garbage_grace = coalesce(note_storage.garbage_grace, u.garbage_grace);
end
$$;
comment on function likeness.note_storage(bigint, bigint, bigint, interval) is
  'Remembers what the store holds, and the settings that alerts compare with; no quota_bytes: there is no quota.';
