-- What a database has to be, and the two tables that tell what has been applied. Safe to run again: everything
-- else counts on them.
do $$
begin
  if getdatabaseencoding() <> 'UTF8' then
    raise exception 'the database is encoded in %, and names of products come in any script', getdatabaseencoding()
      using hint = 'create database likeness encoding ''UTF8'' template template0;';
  end if;
  -- Hosts and names are compared in lower case.
  if lower('HI') <> 'hi' then
    raise exception 'in the locale of this database the lower case of HI is %', lower('HI')
      using hint = 'create database likeness locale_provider builtin builtin_locale ''C.UTF-8'' template template0; before Postgres 17: lc_collate ''C'' lc_ctype ''C.UTF-8''.';
  end if;
  -- Functions name what is in them with its schema.
  if to_regnamespace('public') is null then
    raise exception 'there is no schema public, where the extensions pg_trgm and fuzzystrmatch belong' using hint = 'create schema public;';
  end if;
  if exists (
    select from pg_extension e where e.extname in ('pg_trgm', 'fuzzystrmatch') and e.extnamespace <> to_regnamespace('public')) then
    raise exception 'the extensions pg_trgm and fuzzystrmatch have to be in the schema public'
      using hint = 'alter extension pg_trgm set schema public; alter extension fuzzystrmatch set schema public;';
  end if;
end
$$;
create schema if not exists likeness;
comment on schema likeness is 'Likeness: mirrors, matches and serves product pictures. Start with sql/README.md.';

create table if not exists likeness.schema_migrations (
  name text constraint schema_migrations_pkey primary key,
  applied_at timestamptz not null default now(),
  checksum text not null constraint checksum_is_sha256 check (checksum ~ '^[0-9a-f]{64}$')
);
comment on table likeness.schema_migrations is 'One row for each migration of sql/migrations that this database has had.';
comment on column likeness.schema_migrations.name is 'File name without .sql, or procrastinate/<file> for the queue library''s own.';
comment on column likeness.schema_migrations.applied_at is 'When it was applied.';
comment on column likeness.schema_migrations.checksum is 'sha256 of the file as it was applied; a file that differs later is refused.';
comment on index likeness.schema_migrations_pkey is 'Serves the migrator: is this file applied?';

create table if not exists likeness.schema_code (
  is_current boolean default true constraint schema_code_pkey primary key constraint one_row_only check (is_current),
  applied_at timestamptz not null default now(),
  checksum text not null constraint code_checksum_is_sha256 check (checksum ~ '^[0-9a-f]{64}$')
);
comment on table likeness.schema_code is 'Which functions, views, triggers and grants this database has: one row.';
comment on column likeness.schema_code.is_current is 'Always true: there is one row.';
comment on column likeness.schema_code.applied_at is 'When they were last applied.';
comment on column likeness.schema_code.checksum is 'sha256 over all the files in the order of sql/apply.sql.';
comment on index likeness.schema_code_pkey is 'Keeps the table at one row.';
