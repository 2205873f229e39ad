create or replace function likeness.register_worker(name text, version text default '')
returns text
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_worker text;
begin
  insert into likeness.workers (name, version) values (register_worker.name, register_worker.version)
  returning workers.name || '/' || workers.id into v_worker;
  -- The others hear that they have company: from now on they keep no idle connections.
  perform pg_notify('likeness_work', '');
  return v_worker;
end
$$;
comment on function likeness.register_worker(text, text) is 'Announces a worker process; returns the name it claims under, unique even where two processes share a name.';
