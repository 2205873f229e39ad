create or replace function likeness.create_service_key(
  key_id text, name text, scopes text[], digest bytea, expires_at timestamptz default null)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_known constant text[] := '{feeds,mirror,pictures,match,admin}';
begin
  if btrim(coalesce(create_service_key.name, '')) = '' or length(create_service_key.name) > 200 then
    raise exception 'a key needs a name of 1 to 200 characters' using errcode = 'LK004';
  end if;
  if coalesce(create_service_key.scopes, '{}') = '{}' or not create_service_key.scopes <@ v_known then
    raise exception 'the scopes of a key are one or more of %', array_to_string(v_known, ', ') using errcode = 'LK004';
  end if;
  if create_service_key.expires_at <= likeness.clock() then
    raise exception 'the key would have expired already' using errcode = 'LK004';
  end if;
  insert into likeness.service_keys (key_id, name, scopes, created_at, expires_at, digest)
  values (create_service_key.key_id, create_service_key.name, create_service_key.scopes, likeness.clock(),
          create_service_key.expires_at, create_service_key.digest);
exception
  when unique_violation then
    raise exception 'there is a living key called %: revoke it first, or take another name', create_service_key.name using errcode = 'LK003';
end
$$;
comment on function likeness.create_service_key(text, text, text[], bytea, timestamptz) is
  'Records a service key by the sha256 of its secret. For the owner alone; `likeness key create` makes the secret.';
