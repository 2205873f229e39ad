create or replace function likeness.in_flight_limit(max_in_flight int, consecutive_faults int)
returns int
language sql
immutable parallel safe
begin atomic
  select case when consecutive_faults >= 5 then 1 else max_in_flight end;
end;
comment on function likeness.in_flight_limit(int, int) is
  'How many pictures of a host may be in hand: one alone, as a probe, once the breaker has opened, until it answers well.';
