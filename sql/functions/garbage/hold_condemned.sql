create or replace function likeness.hold_condemned(sha256 text)
returns boolean
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_held boolean;
begin
  perform 1 from likeness.blobs b where b.sha256 = hold_condemned.sha256 and b.is_deleting for update skip locked;
  v_held := found;
  return v_held
     and not exists (select from likeness.images i where i.blob_sha256 = hold_condemned.sha256)
     and not exists (select from likeness.rendition_queue q
                      where q.sha256 = hold_condemned.sha256 and q.claimed_by is not null and q.ready_at > likeness.clock());
end
$$;
comment on function likeness.hold_condemned(text) is
  'Keeps everybody from storing these bytes anew until the end of the transaction, in which their objects are deleted; false: they are wanted again, or another deletes them.';
