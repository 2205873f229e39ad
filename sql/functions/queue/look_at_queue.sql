create or replace function likeness.look_at_queue(worker text)
returns table (is_draining boolean, wait_seconds double precision, has_company boolean, has_waiting_runs boolean)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
begin
  perform likeness.tend_queue();
  return query
  select likeness.is_draining(look_at_queue.worker),
         extract(epoch from likeness.next_claim_at() - v_now)::double precision,
         exists (select
                   from likeness.workers w
                  where w.status = 'running' and w.seen_at > v_now - interval '2 minutes'
                    and look_at_queue.worker is distinct from w.name || '/' || w.id),
         exists (select from likeness.runs r where r.waiting > 0);
end
$$;
comment on function likeness.look_at_queue(text) is
  'What an idle worker does when it is woken, in one call: tends the queue, and says whether it was asked to drain, in how many seconds there may be something to claim (null: when it is woken), whether other workers run, and whether feed_runs() has something to do.';
