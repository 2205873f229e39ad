create or replace function likeness.need_priority(priority int)
returns int
language plpgsql
immutable parallel safe
set search_path = ''
as $$
begin
  if priority is null or priority not between 0 and 3 then
    raise exception 'priority must be 0 (rest), 1 (popular), 2 (listed just now) or 3 (viewed now), not %', coalesce(priority::text, 'null') using errcode = 'LK004';
  end if;
  return priority;
end
$$;
comment on function likeness.need_priority(int) is 'A priority class of pictures; any other number is refused.';
