create or replace function likeness.feed_runs()
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_run likeness.runs;
  v_turns bigint[];
  v_next bigint[];
  v_priority smallint;
  v_left int;
  v_queued int;
begin
  if not exists (select from likeness.runs r where r.waiting > 0) or not pg_try_advisory_xact_lock(hashtext('likeness.feed_runs')) then
    return 0;
  end if;
  -- One run a call: after its row is locked, no host may be.
  select r.* into v_run from likeness.runs r where r.waiting > 0 and likeness.run_room(r) > 0 order by r.id limit 1;
  if not found then
    return 0;
  end if;
  select array_agg(w.turn), array_agg(w.image_id) filter (where (i.queued_at is null and i.status in ('pending', 'outdated', 'failed')) or (i.status = 'completed' and i.is_forced)), min(w.priority)
    into v_turns, v_next, v_priority
    from (select n.turn, n.image_id, n.priority from likeness.run_waiting n where n.run_id = v_run.id order by n.turn limit likeness.run_room(v_run)) w
    join likeness.images i on i.id = w.image_id;
  -- With no row left there is no priority either.
  perform likeness.queue_images(coalesce(v_next, '{}'), coalesce(v_priority, 0), v_run.id);
  delete from likeness.run_waiting w where w.run_id = v_run.id and w.turn = any(v_turns);
  -- Rows of pictures that are gone went with them.
  v_left := case when v_turns is null then 0 else greatest(0, v_run.waiting - cardinality(v_turns)) end;
  -- queue_images() added to wanted what was wanted before; what was fetched meanwhile needs nothing.
  v_queued := (select r.wanted from likeness.runs r where r.id = v_run.id) - v_run.wanted;
  update likeness.runs r
     set waiting = v_left, wanted = r.wanted - v_run.waiting + v_left, skipped = r.skipped + coalesce(cardinality(v_turns), 0) - v_queued,
         status = case when v_left = 0 and r.stored + r.reused + r.failed >= r.wanted - v_run.waiting then 'finished' else 'running' end,
         finished_at = case when v_left = 0 and r.stored + r.reused + r.failed >= r.wanted - v_run.waiting then likeness.clock() end
   where r.id = v_run.id;
  return v_run.waiting - v_left;
end
$$;
comment on function likeness.feed_runs() is
  'Queues the next pictures of one run with max_concurrent in place of those that were settled; returns how many it took, 0: nothing to do. Workers call it when they look at the queue, until it returns 0.';
