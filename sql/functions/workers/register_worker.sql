create or replace function likeness.register_worker(name text, version text default '')
returns text
language sql
volatile parallel unsafe
begin atomic
  insert into likeness.workers (name, version) values (register_worker.name, register_worker.version)
  returning workers.name || '/' || workers.id;
end;
comment on function likeness.register_worker(text, text) is 'Announces a worker process; returns the name it claims under, unique even where two processes share a name.';
