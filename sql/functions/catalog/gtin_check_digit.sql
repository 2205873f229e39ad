create or replace function likeness.gtin_check_digit(body text)
returns text
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  v_body text := lpad(body, 13, '0');
begin
  -- GS1: from the right, digits count 3, 1, 3 ...; the codes of the characters of 13 zeros make 48 * 27 = 1296.
  return ((1296 + 10000
           - 3 * (ascii(substr(v_body, 1, 1)) + ascii(substr(v_body, 3, 1)) + ascii(substr(v_body, 5, 1)) + ascii(substr(v_body, 7, 1))
                  + ascii(substr(v_body, 9, 1)) + ascii(substr(v_body, 11, 1)) + ascii(substr(v_body, 13, 1)))
           - ascii(substr(v_body, 2, 1)) - ascii(substr(v_body, 4, 1)) - ascii(substr(v_body, 6, 1)) - ascii(substr(v_body, 8, 1))
           - ascii(substr(v_body, 10, 1)) - ascii(substr(v_body, 12, 1))) % 10)::text;
end
$$;
comment on function likeness.gtin_check_digit(text) is 'The check digit that belongs behind up to 13 digits.';
