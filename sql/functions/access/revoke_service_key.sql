create or replace function likeness.revoke_service_key(name_or_id text)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_revoked int;
begin
  update likeness.service_keys k
     set revoked_at = likeness.clock()
   where k.revoked_at is null and (k.name = revoke_service_key.name_or_id or k.key_id = revoke_service_key.name_or_id);
  get diagnostics v_revoked = row_count;
  if v_revoked = 0 then
    raise exception 'there is no living key %', revoke_service_key.name_or_id using errcode = 'LK002';
  end if;
  return v_revoked;
end
$$;
comment on function likeness.revoke_service_key(text) is
  'Ends a service key, by its name or its public part; every API process refuses it within seconds. For the owner alone.';
