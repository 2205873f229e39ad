create or replace function likeness.normalize_gtin(raw text)
returns text
language plpgsql
immutable parallel safe
set search_path = ''
as $$
begin
  -- What most feeds give, without the whole of read_gtin().
  if raw ~ '^([0-9]{12,14}|[1-9][0-9]{7})$' and right(raw, 1) = likeness.gtin_check_digit(left(raw, -1))
     and likeness.refuse_gtin(lpad(raw, 14, '0')) is null then
    return lpad(raw, 14, '0');
  end if;
  if coalesce(raw, '') = '' then
    return null;
  end if;
  return (select r.gtin from likeness.read_gtin(raw) r where r.grade = 1 order by r.repair is not null, r.gtin limit 1);
end
$$;
comment on function likeness.normalize_gtin(text) is
  'Barcode as 14 digits where its check digit proves it, repaired where that is safe (see read_gtin); null for everything else.';
