create or replace function likeness.abandon_blob(worker text, sha256 text)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  perform likeness.adopt_objects(array[abandon_blob.sha256]);
  update likeness.blobs b
     set storing_expires_at = likeness.clock(), was_taken_over = true
   where b.sha256 = abandon_blob.sha256 and b.status = 'storing' and b.stored_by = abandon_blob.worker and b.storing_expires_at > likeness.clock();
end
$$;
comment on function likeness.abandon_blob(text, text) is
  'A worker put objects of bytes under a claim that was lost: they become known as half stored where they are not known, and others need not wait for it.';
