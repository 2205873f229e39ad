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
  v_rule text;
begin
  if btrim(coalesce(create_service_key.name, '')) = '' or length(create_service_key.name) > 100 or create_service_key.name ~ '[[:cntrl:]]' then
    raise exception 'a key needs a name of 1 to 100 characters in one line' using errcode = 'LK004';
  end if;
  if coalesce(create_service_key.key_id, '') !~ '^[a-z0-9]{8,32}$' then
    raise exception 'key_id must be 8 to 32 small letters and digits, not %', coalesce(quote_literal(create_service_key.key_id), 'null') using errcode = 'LK004';
  end if;
  if octet_length(create_service_key.digest) is distinct from 32 then
    raise exception 'digest must be the 32 bytes of a sha256, not %', coalesce(octet_length(create_service_key.digest)::text, 'null') using errcode = 'LK004';
  end if;
  if coalesce(create_service_key.scopes, '{}') = '{}' or not create_service_key.scopes <@ v_known then
    raise exception 'the scopes of a key are one or more of %', array_to_string(v_known, ', ') using errcode = 'LK004';
  end if;
  if not isfinite(create_service_key.expires_at) then
    raise exception 'expires_at must be a time, or null for never, not %', create_service_key.expires_at using errcode = 'LK004';
  end if;
  if create_service_key.expires_at <= likeness.clock() then
    raise exception 'the key would have expired already' using errcode = 'LK004';
  end if;
  insert into likeness.service_keys (key_id, name, scopes, created_at, expires_at, digest)
  values (create_service_key.key_id, create_service_key.name, create_service_key.scopes, likeness.clock(),
          create_service_key.expires_at, create_service_key.digest);
exception
  when unique_violation then
    get stacked diagnostics v_rule = constraint_name;
    if v_rule = 'service_keys_pkey' then
      raise exception 'there is a key with the key_id % already: make another', create_service_key.key_id using errcode = 'LK003';
    end if;
    raise exception 'there is a living key called %: revoke it first, or take another name', create_service_key.name using errcode = 'LK003';
end
$$;
comment on function likeness.create_service_key(text, text, text[], bytea, timestamptz) is
  'Records a service key by the sha256 of its secret. For the owner alone; `likeness key create` makes the secret.';
