create or replace function likeness.drain(worker text)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_workers text[];
begin
  with asked as (
    update likeness.workers w
       set drain_asked_at = coalesce(w.drain_asked_at, likeness.clock())
     where w.status = 'running' and drain.worker in (w.name, w.name || '/' || w.id)
    returning w.name || '/' || w.id as name
  )
  select array_agg(a.name) into v_workers from asked a;
  if v_workers is null then
    raise exception 'no worker "%" runs', drain.worker using errcode = 'LK002', hint = 'select worker from likeness.worker_status;';
  end if;
  perform pg_notify('likeness_work', '');
  return (select count(*)::int from likeness.images i where i.claimed_by = any(v_workers));
end
$$;
comment on function likeness.drain(text) is
  'A worker (or all of a name) claims nothing more and finishes what it has; returns how many pictures that are. worker_status says when it is drained; it then idles until it is stopped. Example: select likeness.drain(''a-worker/3'');';
