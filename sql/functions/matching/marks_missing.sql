create or replace function likeness.marks_missing(tokens text[], kinds text[], alike real[], other_tokens text[], model text, is_long_model boolean)
returns text[]
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  v_missing text[] := '{}';
  v_mark text;
  v_place int;
begin
  for i in 1..cardinality(tokens) loop
    if kinds[i] <> 'x' or alike[i] = 1 then
      continue;
    end if;
    v_mark := substr(tokens[i], 2);
    if length(v_mark) = 1 then
      -- It may stand with its neighbour there: USB C and USB-C, 410 A and 410A. Beside a model number that agrees it is talk.
      if model is null and not exists (
        select from unnest(other_tokens) o (token)
         where left(o.token, 1) = v_mark and substr(o.token, 2) = any(tokens) or right(o.token, 1) = v_mark and left(o.token, -1) = any(tokens)) then
        v_missing := v_missing || upper(v_mark);
      end if;
    elsif starts_with(v_mark, 'to ') then
      if not is_long_model and not substr(v_mark, 4) = any(other_tokens) and not regexp_replace(substr(v_mark, 4), 's$', '') = any(other_tokens) then
        v_missing := v_missing || v_mark;
      end if;
    else
      -- A case for a phone is no phone: what comes before "for" is not there, but for a maker's name. A model number that agrees may be the phone's.
      v_place := array_position(tokens, substr(v_mark, 5));
      if alike[v_place] = 0 and (not is_long_model or array_position(tokens, model) > v_place)
         and (select count(*) from generate_series(1, v_place - 1) p (place) where alike[p.place] > 0 and kinds[p.place] <> 'k') <= 1 then
        v_missing := v_missing || (substr(v_mark, 5) || ' for');
      end if;
    end if;
  end loop;
  return v_missing;
end
$$;
comment on function likeness.marks_missing(text[], text[], real[], text[], text, boolean) is
  'What the marks of one name say that the other name does not: a letter, what a cable leads to, that it is for something else. Part of compare_names().';
