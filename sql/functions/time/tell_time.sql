create or replace function likeness.tell_time(at timestamptz, now_at timestamptz)
returns text
language sql
stable parallel safe
begin atomic
  select to_char(tell_time.at, case when tell_time.at::date = tell_time.now_at::date then 'HH24:MI:SS' else 'YYYY-MM-DD HH24:MI:SS' end);
end;
comment on function likeness.tell_time(timestamptz, timestamptz) is
  'A time as sentences tell it, in the session''s time zone: without the date where it is today''s.';
