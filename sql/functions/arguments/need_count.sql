create or replace function likeness.need_count(argument text, value bigint, lowest bigint default 1, highest bigint default null)
returns bigint
language plpgsql
immutable parallel safe
set search_path = ''
as $$
begin
  if value is null or value < lowest or value > highest then
    raise exception '% must be %, not %', argument,
                    case when highest is null then format('at least %s', lowest) else format('from %s to %s', lowest, highest) end, coalesce(value::text, 'null')
      using errcode = 'LK004';
  end if;
  return value;
end
$$;
comment on function likeness.need_count(text, bigint, bigint, bigint) is
  'The value of an argument that has to be a number within its range; any other is refused by the argument''s name.';
