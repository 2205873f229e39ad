create or replace function likeness.refuse_gtin(gtin text)
returns text
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  -- Without the level of packaging, as 13 digits; and what is left of it without zeros in front and the check digit.
  v_code text := substr(gtin, 2);
  v_body text := ltrim(left(v_code, -1), '0');
begin
  return case
    when v_body = '' then 'it is all zeros'
    when v_body ~ '^(\d)\1{5,}$' or v_code ~ '(\d)\1{9}' or length(v_body) >= 6
      and (strpos('123456789012345678901', v_body) > 0 or strpos('987654321098765432109', v_body) > 0)
      then 'it is a placeholder, not a number that was given out'
    when v_code ~ '^(05|9[89])' then 'it is a coupon or a refund slip, not a product'
    when v_code ~ '^(02|04|2)' then 'the shop gave it itself (restricted circulation): it means something else elsewhere'
    when v_code ~ '^0{6}|^0{5}2' then 'it is a number for use inside one company (restricted circulation)'
  end;
end
$$;
comment on function likeness.refuse_gtin(text) is
  'Why 14 digits with a right check digit are no barcode that means the same everywhere, or null: GS1''s restricted ranges, coupons, placeholders.';
