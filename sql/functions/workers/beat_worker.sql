create or replace function likeness.beat_worker(
  worker text, lease interval default '60 seconds', image_ids bigint[] default null, sha256s text[] default null)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  update likeness.workers w set seen_at = likeness.clock() where w.id = substring(worker from '/([0-9]+)$')::bigint;
  return likeness.extend_claims(worker, lease, image_ids, sha256s);
end
$$;
comment on function likeness.beat_worker(text, interval, bigint[], text[]) is
  'A worker''s heartbeat: it lives, and keeps these pictures and bytes, which it has in hand; null: all that it claimed. Returns how many claims of pictures were renewed.';
