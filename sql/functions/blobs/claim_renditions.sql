create or replace function likeness.claim_renditions(worker text, batch int default 1, lease interval default '60 seconds')
returns table (sha256 text, format text, width int, height int, renditions jsonb)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
begin
  return query
  with due as (
    select q.sha256
      from likeness.rendition_queue q
     where q.status = 'waiting' and q.ready_at <= v_now
     order by q.ready_at
     limit claim_renditions.batch
       for update skip locked
  ),
  -- Decoders run in children that are killed and replaced, so that a worker that dies is rarely the
  -- picture's fault: only many claims that nobody ended are proof.
  given_up as (
    update likeness.rendition_queue q
       set status = 'failed', claimed_by = null, failure_reason = 'poison',
           failure_text = format('%s workers took it and were not heard of again, the last one %s', q.attempts, q.claimed_by)
      from due d
     where q.sha256 = d.sha256 and q.attempts >= 10
  ),
  claimed as (
    update likeness.rendition_queue q
       set claimed_by = claim_renditions.worker, ready_at = v_now + claim_renditions.lease, attempts = q.attempts + 1
      from due d
     where q.sha256 = d.sha256 and q.attempts < 10
    returning q.sha256
  )
  select b.sha256, b.format, b.width, b.height, b.renditions from claimed c join likeness.blobs b using (sha256);
end
$$;
comment on function likeness.claim_renditions(text, int, interval) is
  'Leases stored bytes whose further renditions are to be made, oldest first, with their format, size and the renditions that there are. The second wave: for workers that have no picture to claim.';
