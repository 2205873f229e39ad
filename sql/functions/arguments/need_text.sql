create or replace function likeness.need_text(argument text, value text, most int default 200)
returns text
language plpgsql
immutable parallel safe
set search_path = ''
as $$
begin
  if coalesce(value, '') !~ '[^[:space:]]' or char_length(value) > most then
    raise exception '% must have 1 to % characters, not %', argument, most,
                    case when value is null then 'null' when value <> '' and char_length(value) <= most then 'blanks alone' else char_length(value)::text end
      using errcode = 'LK004';
  end if;
  return value;
end
$$;
comment on function likeness.need_text(text, text, int) is
  'The value of an argument that has to say something, in so many characters at most; any other is refused by the argument''s name.';
