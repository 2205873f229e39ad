create or replace function likeness.forget_blob(sha256 text)
returns boolean
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  delete from likeness.blobs b where b.sha256 = forget_blob.sha256 and b.is_deleting;
  return found;
end
$$;
comment on function likeness.forget_blob(text) is
  'The end of a deletion: the row goes once all objects are gone. In the transaction of hold_condemned().';
