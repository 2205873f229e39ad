create or replace function likeness.plain_text(name text)
returns text
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  v_text text := coalesce(name, '');
begin
  if v_text ~ '[^\x20-\x7e]' then
    -- Accents come off; signs that would melt into a word go first. What is no Latin letter stays as it is.
    if v_text ~ '[½⅓⅔¼¾]' then
      v_text := replace(replace(replace(replace(replace(v_text, '½', ' 1/2'), '⅓', ' 1/3'), '⅔', ' 2/3'), '¼', ' 1/4'), '¾', ' 3/4');
    end if;
    v_text := translate(v_text, '™®©°×“”„″‟’‘´`′–—‐‑‒−¿¡·•…«»' || E'\u00a0\u2009\u202f\u3000\t\r\n', '    x"""""''''''''''-------' || repeat(' ', 14));
    v_text := regexp_replace(normalize(v_text, NFKD), E'[\u0300-\u036f\u200b-\u200f\ufeff\u00ad]', '', 'g');
    v_text := replace(replace(replace(translate(v_text, 'øØłŁđĐı⁄', 'oOlLdDi/'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe');
  end if;
  v_text := lower(v_text);
  if strpos(v_text, '&') > 0 then
    v_text := replace(replace(replace(replace(v_text, '&amp;', '&'), '&quot;', '"'), '&#39;', ''''), '&nbsp;', ' ');
  end if;
  if strpos(v_text, '/') > 0 and v_text ~ '[0-9] +[1-3]/[2-4](?![0-9/])' then
    -- A shoe of 42 1/2 is one of 42.5.
    v_text := regexp_replace(v_text, '(?<![0-9/.,])([0-9]{1,3}) +1/2(?![0-9/])', '\1.5', 'g');
    v_text := regexp_replace(v_text, '(?<![0-9/.,])([0-9]{1,3}) +1/3(?![0-9/])', '\1.33', 'g');
    v_text := regexp_replace(v_text, '(?<![0-9/.,])([0-9]{1,3}) +2/3(?![0-9/])', '\1.67', 'g');
    v_text := regexp_replace(v_text, '(?<![0-9/.,])([0-9]{1,3}) +1/4(?![0-9/])', '\1.25', 'g');
    v_text := regexp_replace(v_text, '(?<![0-9/.,])([0-9]{1,3}) +3/4(?![0-9/])', '\1.75', 'g');
  end if;
  return v_text;
end
$$;
comment on function likeness.plain_text(text) is 'A name in lower case, without accents and trade signs, and with 42 1/2 as 42.5; other scripts stay.';
