create or replace function likeness.begin_periodic(task text, worker text)
returns table (run_id bigint, resume_from jsonb)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_run bigint;
begin
  if not exists (select from likeness.periodic_tasks t where t.task = begin_periodic.task) then
    raise exception 'there is no periodic task "%"', task using errcode = 'LK002', hint = 'select task, says from likeness.periodic_work;';
  end if;
  -- The lock goes with the session, however that ends: nobody has to guess whether a run still lives.
  if not pg_try_advisory_lock(hashtext('likeness.periodic'), hashtext(begin_periodic.task)) then
    return;
  end if;
  update likeness.periodic_runs r
     set status = 'lost', finished_at = v_now
   where r.task = begin_periodic.task and r.status = 'running';
  insert into likeness.periodic_runs (task, worker, started_at)
  values (begin_periodic.task, begin_periodic.worker, v_now)
  returning id into v_run;
  return query select v_run, t.resume_from from likeness.periodic_tasks t where t.task = begin_periodic.task;
end
$$;
comment on function likeness.begin_periodic(text, text) is
  'Begins a run of a periodic task in this session, which holds it alone until end_periodic() or its own end; no row: another session is at it. Says where the last run left off.';
