create or replace function likeness.suffix_differs(a text, b text, a_tokens text[], b_tokens text[])
returns boolean
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  v_short text := case when length(a) <= length(b) then a else b end;
  v_suffix text := substr(case when length(a) <= length(b) then b else a end, length(v_short) + 1);
  v_others text[] := case when length(a) <= length(b) then a_tokens else b_tokens end;
begin
  if length(a) = length(b) or not starts_with(case when length(a) <= length(b) then b else a end, v_short)
     or v_short !~ '[0-9]$' or v_suffix !~ '^[a-z]{1,4}$' then
    return false;
  end if;
  -- 1080p, 2nd and 48h are ways to write a number.
  if v_short !~ '[a-z]' and (v_suffix in ('p', 'h', 'x', 'st', 'nd', 'rd', 'th') or length(v_suffix) > 2 and v_suffix not in ('pro', 'max', 'plus', 'mini')) then
    return false;
  end if;
  -- It may stand apart there: 410 A, S24 Plus.
  if v_suffix = any(v_others) or '~' || v_suffix = any(v_others) then
    return false;
  end if;
  -- Or be the colour: FE360PNK is the pink FE360.
  return length(v_short) < 4 or not exists (
    select
      from unnest(a_tokens || b_tokens) t (token)
     where left(t.token, 1) = left(v_suffix, 1) and t.token ~ '^[a-z]{3,}$' and length(v_suffix) > 1 and t.token ~ ('^' || regexp_replace(v_suffix, '(.)', '\1.*', 'g'))
        or t.token in ('black', 'white', 'silver', 'red', 'blue', 'grey', 'green', 'pink') and (v_suffix = left(t.token, 1) or v_suffix = 'k' and t.token = 'black'));
end
$$;
comment on function likeness.suffix_differs(text, text, text[], text[]) is
  'One model number is the other with letters more (302 and 302XL), and neither name says that these are its colour. Part of compare_names().';
