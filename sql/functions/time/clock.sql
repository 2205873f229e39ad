-- The seam through which all queue time passes: `set likeness.clock = '2030-01-01'` moves it in one session.
create or replace function likeness.clock()
returns timestamptz
language sql
stable parallel safe
begin atomic
  select coalesce(nullif(current_setting('likeness.clock', true), '')::timestamptz, clock_timestamp());
end;
comment on function likeness.clock() is 'Now, or the time that the session set in likeness.clock: tests move time without sleeping.';
