-- One step of apply.sql: the migration named by :migration, unless this database has had it.
select not exists (select from likeness.schema_migrations m where m.name = :'migration') as is_pending \gset
\if :is_pending
  \set file migrations/ :migration .sql
  \ir :file
  insert into likeness.schema_migrations (name, checksum) values (:'migration', :'checksum');
\endif
