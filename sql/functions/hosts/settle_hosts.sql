create or replace function likeness.settle_hosts(outcomes likeness.outcome[], places tid[])
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_now timestamptz := likeness.clock();
begin
  with result as (
    select i.host_id, count(*) filter (where not coalesce(o.is_host_fault, false)) as answers,
           count(*) filter (where o.is_host_fault) as faults,
           sum(o.source_bytes) as bytes, avg(o.fetch_ms) as fetch_ms,
           max(o.retry_after_seconds) as retry_after_seconds,
           max(o.failure_text) filter (where o.is_host_fault) as failure_text
      from unnest(outcomes) o
      join likeness.images i on i.id = o.image_id
     where i.host_id is not null
     group by i.host_id
  ),
  judged as (
    select r.*, h.ctid as place, s.streak,
           nullif(greatest(
             v_now + make_interval(secs => r.retry_after_seconds::double precision),
             -- The breaker: open for a minute after the 5th fault in a row, twice as long after each further one, at most an hour.
             case when r.faults > 0 and s.streak >= 5
               then v_now + least(interval '1 hour', interval '1 minute' * 2 ^ least(s.streak - 5, 6)) end), v_now) as blocked_until
      from result r
      join likeness.hosts h on h.id = r.host_id and h.ctid = any(settle_hosts.places)
     cross join lateral (select case when r.answers > 0 then 0 else h.consecutive_faults + r.faults::int end as streak) s
  )
  update likeness.hosts h
     set fetches = h.fetches + j.answers + j.faults, faults = h.faults + j.faults, bytes = h.bytes + coalesce(j.bytes, 0),
         latency_ms = coalesce(h.latency_ms * 0.9 + j.fetch_ms * 0.1, j.fetch_ms, h.latency_ms),
         last_fetch_at = case when j.answers > 0 then v_now else h.last_fetch_at end,
         last_fault_at = case when j.faults > 0 then v_now else h.last_fault_at end,
         consecutive_faults = j.streak,
         blocked_until = case when j.blocked_until > v_now then greatest(j.blocked_until, h.blocked_until)
                              when h.blocked_until > v_now then h.blocked_until end,
         blocked_reason = case when j.blocked_until > v_now then left(coalesce(j.failure_text, 'Retry-After'), 300)
                               when h.blocked_until > v_now then h.blocked_reason end,
         -- A host that is in line keeps its place, and the index its entry.
         ready_at = case when h.parked_for = 'empty' then null
                         when h.parked_for is null then greatest(h.ready_at, h.blocked_until, j.blocked_until)
                         else greatest(v_now, h.next_slot_at, h.blocked_until, j.blocked_until, h.ready_at) end,
         parked_for = nullif(h.parked_for, 'limit')
    from judged j
   where h.ctid = j.place;
end
$$;
comment on function likeness.settle_hosts(likeness.outcome[], tid[]) is
  'Counts what hosts did, opens or closes the breaker, honours Retry-After, and lets hosts that were at their limit be claimed again. places are where the rows are, which finish_images() has locked: by its key each would be sought among its dead versions. Part of finish_images().';
