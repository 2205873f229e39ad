-- Roles: the owner migrates; likeness_app calls functions and reads views; likeness_reader is for people.
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
    raise notice 'no right to create roles: make likeness_app and likeness_reader and migrate again';
  when duplicate_object or unique_violation then
    null; -- another database of this cluster made them a moment ago
end
$$;
do $$
begin
  if exists (select from pg_roles where rolname = 'likeness_reader') then
    grant usage on schema likeness to likeness_reader;
    grant select on all tables in schema likeness to likeness_reader;
    revoke all on likeness.supplier_credentials from likeness_reader;
  end if;
  if exists (select from pg_roles where rolname = 'likeness_app') then
    grant usage on schema likeness to likeness_app;
    grant select, insert, update, delete on all tables in schema likeness to likeness_app;
    revoke insert, update, delete on likeness.schema_migrations, likeness.schema_code from likeness_app;
    grant execute on all functions in schema likeness to likeness_app;
  end if;
end
$$;
