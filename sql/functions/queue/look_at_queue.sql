create or replace function likeness.look_at_queue(worker text, is_idle boolean default true)
returns table (is_draining boolean, may_order boolean, wait_seconds double precision, has_company boolean, has_waiting_runs boolean)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_next timestamptz;
  v_may_order boolean := false;
begin
  perform likeness.tend_queue();
  v_next := likeness.next_claim_at();
  if look_at_queue.is_idle and v_next <= likeness.clock() then
    -- All idle workers were woken together, and one is enough: a busy one calls the next by itself.
    update likeness.queue_control q
       set ordered_at = v_now
     where exists (select from likeness.queue_control c
                    where c.ordered_at is null or c.ordered_at not between v_now - interval '250 milliseconds' and v_now
                      for update skip locked);
    v_may_order := found;
  end if;
  return query
  select likeness.is_draining(look_at_queue.worker), v_may_order,
         extract(epoch from v_next - v_now)::double precision,
         exists (select
                   from likeness.workers w
                  where w.status = 'running' and w.seen_at > v_now - interval '2 minutes'
                    and look_at_queue.worker is distinct from w.name || '/' || w.id),
         exists (select from likeness.runs r where r.waiting > 0);
end
$$;
comment on function likeness.look_at_queue(text, boolean) is
  'What an idle worker does when it is woken, in one call: tends the queue, and says whether it was asked to drain, whether it shall order that the queue be worked, in how many seconds there may be something to claim (null: when it is woken), whether other workers run, and whether feed_runs() has something to do.';
