create or replace function likeness.end_periodic(
  run_id bigint, counts jsonb, resume_from jsonb default null, error text default null, next_run_at timestamptz default null
)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task text;
begin
  update likeness.periodic_runs r
     set status = case when end_periodic.error is not null then 'failed' when nullif(end_periodic.resume_from, 'null') is not null then 'partial' else 'finished' end,
         finished_at = likeness.clock(), counts = end_periodic.counts, error = end_periodic.error
   where r.id = end_periodic.run_id and r.status = 'running'
  returning r.task into v_task;
  if not found then
    raise exception 'run % of a periodic task is over', run_id using errcode = 'LK003';
  end if;
  update likeness.periodic_tasks t
     set resume_from = case when end_periodic.error is null then nullif(end_periodic.resume_from, 'null') else t.resume_from end,
         next_run_at = coalesce(end_periodic.next_run_at, t.next_run_at)
   where t.task = v_task;
  perform pg_advisory_unlock(hashtext('likeness.periodic'), hashtext(v_task));
end
$$;
comment on function likeness.end_periodic(bigint, jsonb, jsonb, text, timestamptz) is
  'Ends a run: finished, failed with an error, or partial where resume_from says where the next one goes on. A run by hand leaves next_run_at as it is.';
