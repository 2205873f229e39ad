create or replace function likeness.normalize_gtin(raw text)
returns text
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  v_digits text := translate(raw, ' -', '');
  v_code text;
begin
  if v_digits is null or v_digits !~ '^([0-9]{8}|[0-9]{12,14})$' then
    return null;
  end if;
  v_code := lpad(v_digits, 14, '0');
  -- GS1's check: digits at odd places of 14 count three times; the codes of 28 zeros make 1344.
  if (3 * (ascii(substr(v_code, 1, 1)) + ascii(substr(v_code, 3, 1)) + ascii(substr(v_code, 5, 1)) + ascii(substr(v_code, 7, 1))
           + ascii(substr(v_code, 9, 1)) + ascii(substr(v_code, 11, 1)) + ascii(substr(v_code, 13, 1)))
      + ascii(substr(v_code, 2, 1)) + ascii(substr(v_code, 4, 1)) + ascii(substr(v_code, 6, 1)) + ascii(substr(v_code, 8, 1))
      + ascii(substr(v_code, 10, 1)) + ascii(substr(v_code, 12, 1)) + ascii(substr(v_code, 14, 1)) - 1344) % 10 <> 0 then
    return null;
  end if;
  return nullif(v_code, '00000000000000');
end
$$;
comment on function likeness.normalize_gtin(text) is
  'Barcode of 8, 12, 13 or 14 digits with a right check digit as 14 digits, spaces and dashes left out; null for everything else.';
