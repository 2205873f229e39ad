create or replace function likeness.close_runs()
returns int
language sql
volatile parallel unsafe
begin atomic
  with closed as (
    update likeness.runs r
       set status = 'finished', finished_at = likeness.clock(), wanted = r.stored + r.reused + r.failed
     where r.status = 'running' and r.waiting = 0
       and not exists (select from likeness.images i where i.run_id = r.id and (i.queued_at is not null or i.claimed_by is not null))
    returning r.id
  )
  select count(*)::int from closed;
end;
comment on function likeness.close_runs() is
  'The net: ends runs that wait for nothing any more, because their last pictures were deleted, switched off or queued under another run.';
