create or replace function likeness.slot_window(min_interval interval)
returns interval
language sql
immutable parallel safe
begin atomic
  select greatest(least(min_interval / 2, interval '50 milliseconds'), min_interval / 10);
end;
comment on function likeness.slot_window(interval) is
  'How late a request may be sent after its slot began. Slots lie an interval and a window apart, so that the interval holds between the latest of one and the earliest of the next.';
