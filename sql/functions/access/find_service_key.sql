create or replace function likeness.find_service_key(key_id text)
returns table (name text, scopes text[], digest bytea)
language plpgsql
volatile parallel unsafe security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
begin
  -- Coarse: a write every ten minutes, not with every request.
  update likeness.service_keys k
     set last_used_at = v_now
   where k.key_id = find_service_key.key_id
     and k.revoked_at is null
     and (k.last_used_at is null or k.last_used_at < v_now - interval '10 minutes');
  return query
    select k.name, k.scopes, k.digest
      from likeness.service_keys k
     where k.key_id = find_service_key.key_id
       and k.revoked_at is null
       and (k.expires_at is null or k.expires_at > v_now);
end
$$;
comment on function likeness.find_service_key(text) is
  'A living service key by the part of it that is no secret; the caller compares the digest. Runs as the owner, so that likeness_app needs no right on service_keys: it reads the digest of a key whose id it has been given, and can make none.';
