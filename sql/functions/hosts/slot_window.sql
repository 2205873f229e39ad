create or replace function likeness.slot_window(min_interval interval)
returns interval
language sql
immutable parallel safe
begin atomic
  select greatest(least(min_interval / 2, interval '50 milliseconds'), min_interval / 10);
end;
comment on function likeness.slot_window(interval) is
  'What lies between two slots of a host beside its interval, so that the interval holds between a request that was sent late and one that was not.';
