create or replace function likeness.bare_sizes(name text, size text default null)
returns text[]
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  v_text text := concat_ws(' ', name, size);
  v_sizes text[] := '{}';
begin
  if size ~ '^\s*\d' and likeness.plain_text(size) ~ '^\s*\d{1,3}([.,]\d{1,2})?\s*$' then
    v_sizes := array[trim_scale(replace(btrim(likeness.plain_text(size)), ',', '.')::numeric)::text];
  end if;
  if v_text ~* '\m(x{0,3}[sl]|[2-6]xl|m)\M' then
    -- Letters that stand alone, and are no metres or litres: T-shirt M, L/XL, not 5 m, t-shirt or m&m's.
    v_sizes := v_sizes || array(
      select distinct case p.part when 'xxl' then '2xl' when 'xxxl' then '3xl' else p.part end
        from regexp_matches(likeness.plain_text(v_text), '(?<![[:alnum:]''&./-])(?<![0-9] )((?:(?:x{0,3}[sl]|[2-6]xl|m)(?:/|(?![[:alnum:]''&.-])))+)(?![[:alnum:]''&.-])', 'g') f
       cross join lateral regexp_split_to_table(f[1], '/') p (part)
       where p.part <> ''
       order by 1);
  end if;
  return v_sizes;
end
$$;
comment on function likeness.bare_sizes(text, text) is
  'The sizes without a unit of clothes and shoes: letters in a name or in a feed''s size (S, M, XL, 2XL), in one spelling, and a size that is nothing but a number (42); empty: none. Part of find_candidates().';
