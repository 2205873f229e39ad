create or replace function likeness.extend_claims(
  worker text, lease interval default '60 seconds', image_ids bigint[] default null, sha256s text[] default null)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_now timestamptz := likeness.clock();
  v_extended int;
begin
  -- A claim whose answer was lost, as when the database crashes, is in nobody's hand: it has to run out, however long its worker lives.
  -- Most pictures are done before half their lease is over: only the slow ones are written again.
  update likeness.images i
     set claim_expires_at = v_now + lease
   where i.claimed_by = worker and i.claim_expires_at between v_now and v_now + lease / 2
     and (extend_claims.image_ids is null or i.id = any(extend_claims.image_ids));
  get diagnostics v_extended = row_count;
  update likeness.blobs b
     set storing_expires_at = v_now + lease
   where b.status = 'storing' and b.stored_by = worker and b.storing_expires_at between v_now and v_now + lease / 2
     and (extend_claims.sha256s is null or b.sha256 = any(extend_claims.sha256s));
  update likeness.rendition_queue q
     set ready_at = v_now + lease
   where q.claimed_by = worker and q.ready_at between v_now and v_now + lease / 2
     and (extend_claims.sha256s is null or q.sha256 = any(extend_claims.sha256s));
  return v_extended;
end
$$;
comment on function likeness.extend_claims(text, interval, bigint[], text[]) is
  'A worker''s heartbeat over what it has in hand: renews claims that are past half their lease, of these pictures and bytes; null: of all that it claimed.';
