create or replace function likeness.images__end_check()
returns trigger
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  new.is_check := false;
  return new;
end
$$;
comment on function likeness.images__end_check() is 'Ends a check that nobody will make any more.';
create or replace trigger images__end_check
  before update on likeness.images
  for each row when (new.is_check
                     and (new.status not in ('completed', 'processing') or new.blob_sha256 is null or (new.queued_at is null and new.claimed_by is null)))
  execute function likeness.images__end_check();
comment on trigger images__end_check on likeness.images is
  'A check is over when the picture neither waits nor is in hand, is known to be stale, or shows nothing: whoever changes a picture need not think of it.';
