create or replace function likeness.note_gtin(raw text)
returns text
language plpgsql
immutable parallel safe
set search_path = ''
as $$
begin
  if coalesce(raw, '') = ''
     or raw ~ '^([0-9]{12,14}|[1-9][0-9]{7})$' and right(raw, 1) = likeness.gtin_check_digit(left(raw, -1)) and likeness.refuse_gtin(lpad(raw, 14, '0')) is null then
    return null;
  end if;
  return (
    select coalesce(r.problem, r.repair)
      from likeness.read_gtin(raw) r
     where r.grade is distinct from 2
     order by r.gtin is null, r.repair is not null, r.gtin
     limit 1);
end
$$;
comment on function likeness.note_gtin(text) is 'What was repaired in a raw barcode, or why it was refused; null: nothing, or there is none. products.gtin_note.';
