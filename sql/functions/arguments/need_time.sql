create or replace function likeness.need_time(argument text, value interval, highest interval default null)
returns interval
language plpgsql
stable parallel safe
set search_path = ''
as $$
begin
  if value is null or not isfinite(value) or value < interval '0' or value > highest then
    raise exception '% must be a time of %, not %', argument, coalesce('0 to ' || highest, '0 or more'), coalesce(value::text, 'null') using errcode = 'LK004';
  end if;
  return value;
end
$$;
comment on function likeness.need_time(text, interval, interval) is
  'The value of an argument that has to be a time span with an end, not below zero; any other is refused by the argument''s name.';
