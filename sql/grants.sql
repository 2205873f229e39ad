-- Roles: the owner migrates; likeness_app calls functions and reads and writes tables, and can alter none;
-- likeness_reader is for people.
do $$
begin
  if not exists (select from pg_roles where rolname = 'likeness_app') then
    create role likeness_app nologin;
  end if;
  if not exists (select from pg_roles where rolname = 'likeness_reader') then
    create role likeness_reader nologin;
  end if;
exception
  when insufficient_privilege then
    raise warning 'no right to create roles: make likeness_app and likeness_reader and migrate again';
  when duplicate_object or unique_violation then
    null; -- another database of this cluster made them a moment ago
end
$$;
-- What the owner alone may call: a leaked session of a program cannot make itself a key.
revoke execute on function likeness.create_service_key(text, text, text[], bytea, timestamptz) from public;
revoke execute on function likeness.revoke_service_key(text) from public;
do $$
begin
  if exists (select from pg_roles where rolname = 'likeness_reader') then
    grant usage on schema likeness to likeness_reader;
    grant select on all tables in schema likeness to likeness_reader;
    revoke all on likeness.supplier_credentials, likeness.service_keys, likeness.user_images, likeness.webhook_secrets from likeness_reader;
    -- It runs as the owner, for the programs.
    revoke execute on function likeness.find_service_key(text) from public;
  end if;
  if exists (select from pg_roles where rolname = 'likeness_app') then
    grant usage on schema likeness to likeness_app;
    grant select, insert, update, delete on all tables in schema likeness to likeness_app;
    revoke insert, update, delete on likeness.schema_migrations, likeness.schema_code from likeness_app;
    revoke all on likeness.service_keys from likeness_app;
    revoke update, delete on likeness.user_images from likeness_app;
    grant execute on all functions in schema likeness to likeness_app;
    revoke execute on function likeness.create_service_key(text, text, text[], bytea, timestamptz), likeness.revoke_service_key(text)
      from likeness_app;
    -- The queue library's schema, where it is there: apply.sql alone does not make it.
    if exists (select from pg_namespace where nspname = 'procrastinate') then
      grant usage on schema procrastinate to likeness_app;
      grant select, insert, update, delete on all tables in schema procrastinate to likeness_app;
      grant usage on all sequences in schema procrastinate to likeness_app;
      grant execute on all functions in schema procrastinate to likeness_app;
      alter default privileges in schema procrastinate grant select, insert, update, delete on tables to likeness_app;
      alter default privileges in schema procrastinate grant usage on sequences to likeness_app;
      alter default privileges in schema procrastinate grant execute on functions to likeness_app;
    end if;
  end if;
end
$$;
