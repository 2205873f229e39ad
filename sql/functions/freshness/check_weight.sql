create or replace function likeness.check_weight(viewed_at timestamptz, priority smallint, now_at timestamptz)
returns double precision
language sql
immutable parallel safe
begin atomic
  select case when check_weight.viewed_at > check_weight.now_at - interval '1 day' then 4
              when check_weight.viewed_at > check_weight.now_at - interval '7 days' or check_weight.priority > 0 then 2
              else 1 end::double precision;
end;
comment on function likeness.check_weight(timestamptz, smallint, timestamptz) is
  'What an hour of a wrong picture counts: 4 where it was shown within a day, 2 within a week or where its dataset or supplier is popular, else 1.';
