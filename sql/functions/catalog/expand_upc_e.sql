create or replace function likeness.expand_upc_e(code text)
returns text
language sql
immutable parallel safe
begin atomic
  -- The sixth digit says where the zeros were taken out.
  select left(c.code, 1)
         || case substr(c.code, 7, 1)
              when '0' then substr(c.code, 2, 2) || '00000' || substr(c.code, 4, 3)
              when '1' then substr(c.code, 2, 2) || '10000' || substr(c.code, 4, 3)
              when '2' then substr(c.code, 2, 2) || '20000' || substr(c.code, 4, 3)
              when '3' then substr(c.code, 2, 3) || '00000' || substr(c.code, 5, 2)
              when '4' then substr(c.code, 2, 4) || '00000' || substr(c.code, 6, 1)
              else substr(c.code, 2, 5) || '0000' || substr(c.code, 7, 1)
            end
         || right(c.code, 1)
    from (select expand_upc_e.code as code) c
   where c.code ~ '^[01][0-9]{7}$';
end;
comment on function likeness.expand_upc_e(text) is 'The 12 digits of UPC-A that 8 digits of UPC-E stand for; their check digit is not looked at.';
