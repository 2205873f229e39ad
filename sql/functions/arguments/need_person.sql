create or replace function likeness.need_person(person text)
returns text
language plpgsql
immutable parallel safe
set search_path = ''
as $$
begin
  if coalesce(person, '') !~ '[^[:space:]]' then
    raise exception 'a decision needs the name of who decided' using errcode = 'LK004';
  end if;
  return person;
end
$$;
comment on function likeness.need_person(text) is 'Who decided, by name; a decision of nobody is refused.';
