create or replace function likeness.learn_freshness(worker text, outcomes likeness.outcome[])
returns bigint[]
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_looks likeness.look[];
  v_tells boolean;
  v_lost bigint[];
begin
  select coalesce(array_agg(j), '{}'), coalesce(bool_or(j.result <> 'first' or j.is_check), false)
    into v_looks, v_tells
    from likeness.judge_looks(outcomes) j;
  v_lost := likeness.learn_looks(v_looks);
  -- Nearly always it is the first look at a picture, which tells nothing of changes and validators.
  if not v_tells then
    return v_lost;
  end if;
  perform likeness.learn_validators(v_looks);
  perform likeness.suspect_neighbours(v_looks);
  -- A row a worker and hour, written last: no other worker waits for it.
  insert into likeness.check_hours as h (hour_at, worker, checks, requests, unmodified, same, changed, failed, bytes)
  select date_trunc('hour', v_now), learn_freshness.worker, count(*), sum(l.requests), count(*) filter (where l.result = 'unmodified'),
         count(*) filter (where l.result = 'same'), count(*) filter (where l.result = 'changed'), count(*) filter (where l.result = 'failed'),
         coalesce(sum(l.bytes), 0)
    from unnest(v_looks) l
   where l.is_check
  having count(*) > 0
  on conflict (hour_at, worker) do update
     set checks = h.checks + excluded.checks, requests = h.requests + excluded.requests, unmodified = h.unmodified + excluded.unmodified,
         same = h.same + excluded.same, changed = h.changed + excluded.changed, failed = h.failed + excluded.failed, bytes = h.bytes + excluded.bytes;
  return v_lost;
end
$$;
comment on function likeness.learn_freshness(text, likeness.outcome[]) is
  'Learns from what was fetched how often pictures change and what hosts'' validators are worth, and sets the next looks. Returns the checked pictures whose source has been gone for days: they fail at last. Part of finish_images(), before it changes the pictures.';
