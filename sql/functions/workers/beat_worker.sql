create or replace function likeness.beat_worker(worker text, lease interval default '60 seconds')
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  update likeness.workers w set seen_at = likeness.clock() where w.id = substring(worker from '/([0-9]+)$')::bigint;
  return likeness.extend_claims(worker, lease);
end
$$;
comment on function likeness.beat_worker(text, interval) is 'A worker''s heartbeat: it lives, and keeps what it has in hand. Returns how many claims were renewed.';
