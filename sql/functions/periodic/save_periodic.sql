create or replace function likeness.save_periodic(run_id bigint, resume_from jsonb, counts jsonb default '{}')
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  update likeness.periodic_runs r
     set counts = save_periodic.counts
   where r.id = save_periodic.run_id and r.status = 'running';
  if not found then
    raise exception 'run % of a periodic task is over', run_id using errcode = 'LK003';
  end if;
  update likeness.periodic_tasks t
     set resume_from = nullif(save_periodic.resume_from, 'null')
    from likeness.periodic_runs r
   where r.id = save_periodic.run_id and t.task = r.task;
end
$$;
comment on function likeness.save_periodic(bigint, jsonb, jsonb) is
  'Says how far a run has come, so that the next one goes on there though this one is killed.';
