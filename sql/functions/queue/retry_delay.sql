create or replace function likeness.retry_delay(attempts int, retry_after_seconds real default null)
returns interval
language sql
volatile parallel safe
begin atomic
  -- 1, 5, then 30 minutes, each spread over 0.5 to 1.5 of itself so that retries of one bad minute do not
  -- come back as one; what the source asked for is a floor, a day the ceiling.
  select least(interval '1 day', greatest(
    (case when attempts <= 1 then interval '1 minute' when attempts = 2 then interval '5 minutes' else interval '30 minutes' end)
      * (0.5 + random()),
    make_interval(secs => coalesce(retry_after_seconds, 0)::double precision)));
end;
comment on function likeness.retry_delay(int, real) is
  'How long a picture waits after its n-th failed attempt: about 1, 5, 30 minutes with jitter, never less than the source''s Retry-After.';
