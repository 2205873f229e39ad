create or replace function likeness.token_likeness(a text, a_kind text, b text, b_kind text)
returns real
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  v_short text := case when length(a) <= length(b) then a else b end;
  v_long text := case when length(a) <= length(b) then b else a end;
  v_length int := length(v_short);
begin
  if a = b then
    return 1;
  elsif a_kind in ('w', 'v', 'd', 'k', 'b', 'q') then
    if b_kind not in ('w', 'v', 'd', 'k', 'b', 'q') or v_length < 3 or left(a, 1) <> left(b, 1) then
      return 0;
    elsif starts_with(v_long, v_short) then
      return case when length(v_long) - v_length <= 2 then 0.9 else 0.7 end;
    elsif v_length >= 5 and public.levenshtein_less_equal(left(a, 60), left(b, 60), 1) <= 1 then
      return 0.9;
    elsif v_length >= 8 and left(a, 2) = left(b, 2) and public.levenshtein_less_equal(left(a, 60), left(b, 60), 2) <= 2 then
      return 0.85;
    end if;
    return 0;
  elsif a_kind in ('u', 'z') or b_kind in ('u', 'z') then
    -- The unit was left out: 46 and 46in.
    return case when 'n' in (a_kind, b_kind) and v_length >= 2 and v_long ~ ('^' || replace(v_short, '.', '\.') || '[a-z]') then 0.8 else 0 end;
  elsif b_kind in ('w', 'v', 'd', 'k', 'b', 'q') or v_length < 4 or v_short !~ '[0-9]' then
    return 0;
  elsif starts_with(v_long, v_short) then
    return case when a_kind = 'n' or b_kind = 'n' then 0.7 else 0.9 end;
  elsif v_length >= 5 and strpos(v_long, v_short) > 0 and v_short ~ '[0-9].*[0-9]' then
    return 0.8;
  end if;
  return 0;
end
$$;
comment on function likeness.token_likeness(text, text, text, text) is
  'How far two tokens may be one, 0 to 1: spelling slips of words, a model number within a longer one, a number whose unit was left out.';
