create or replace function likeness.adopt_objects(sha256s text[])
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_adopted int;
begin
  -- A deletion that is under way ends first: it may have looked for objects before these were put.
  perform 1 from likeness.blobs b where b.sha256 = any(adopt_objects.sha256s) order by b.sha256 for key share;
  insert into likeness.blobs (sha256, status, stored_by, storing_expires_at, was_taken_over)
  select distinct s.sha256, 'storing', 'found in the store', likeness.clock(), true from unnest(adopt_objects.sha256s) s (sha256) order by s.sha256
  on conflict (sha256) do nothing;
  get diagnostics v_adopted = row_count;
  return v_adopted;
end
$$;
comment on function likeness.adopt_objects(text[]) is
  'Makes objects that the database does not know known as half stored: the next picture with these bytes completes them, or garbage collection deletes them.';
