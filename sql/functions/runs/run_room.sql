create or replace function likeness.run_room(run likeness.runs)
returns int
language sql
stable parallel safe
begin atomic
  -- What was queued under it and is not settled, less what waits for another attempt.
  select (run).max_concurrent
         - ((run).wanted - (run).waiting - (run).stored - (run).reused - (run).failed
            - (select count(*)::int from likeness.images i where i.run_id = (run).id and i.retry_at is not null));
end;
comment on function likeness.run_room(likeness.runs) is 'How many more pictures of a run may be queued now; null where it has no max_concurrent.';
