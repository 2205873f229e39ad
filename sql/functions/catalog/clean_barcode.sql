create or replace function likeness.clean_barcode(raw text, out digits text, out repair text, out is_isbn boolean, out is_padded boolean, out problem text)
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  v_text text := upper(translate(coalesce(raw, ''), U&'\FF10\FF11\FF12\FF13\FF14\FF15\FF16\FF17\FF18\FF19\0660\0661\0662\0663\0664\0665\0666\0667\0668\0669\06F0\06F1\06F2\06F3\06F4\06F5\06F6\06F7\06F8\06F9\FF0E\00A0\2007\202F\2010\2011\2012\2013\2014\2212\00AD\200B\200C\200D\FEFF',
                                 '012345678901234567890123456789.   ------'));
  v_mantissa text;
  v_match text[];
  v_is_blank boolean := v_text !~ '\S';
begin
  is_padded := false;
  is_isbn := v_text ~ '\mISBN';
  -- What a spreadsheet or a scanner puts around a number.
  v_text := regexp_replace(v_text, '[''"`=]+', '', 'g');
  v_match := regexp_match(v_text, '^\s*HTTPS?://\S*/01/(\d{8,14})(?:\D|$)');
  v_text := btrim(coalesce(v_match[1], v_text), E' \t\r\n.,:;#*');
  v_text := regexp_replace(v_text, '^(\]C1)?(\(01\)|01(?=\d{14}$))', '');
  v_text := regexp_replace(v_text, '^[([]?\s*(UPC|EAN|GTIN|JAN|ISBN|BARCODE|BAR CODE|EAN/UPC|UPC/EAN)([ -]?(CODE|A|E|NO|8|10|12|13|14)\M)?[\s#:.=)\]-]*', '');
  v_text := btrim(regexp_replace(v_text, '\s*\(?\m(UPC|EAN|GTIN|ISBN)([ -]?(A|E|8|10|12|13|14))?\)?$', ''));
  if v_text ~ '^(N/?A|NONE|NULL|NIL|NAN|UNKNOWN|TBD|TBC|TBA|-*|DOES NOT APPLY|NOT APPLICABLE|NO BARCODE|NO UPC|X+|\?+)$' then
    problem := case when not v_is_blank then 'it is a placeholder, not a number that was given out' end;
    return;
  end if;
  if v_text ~ '\d\s*[;|/&]\s*\d{6}|\d{6}\s*,\s*\d{6}' then
    problem := 'there is more than one number';
    return;
  end if;
  v_match := regexp_match(v_text, '^(\d)(?:[.,](\d+))?E\+?0*(\d{1,2})$');
  if v_match is not null then
    v_mantissa := v_match[1] || coalesce(v_match[2], '');
    -- A spreadsheet shows six digits and drops the others; one that shows nine dropped nothing but zeros.
    if length(v_mantissa) <= v_match[3]::int then
      if length(rtrim(v_mantissa, '0')) < 9 then
        problem := 'a spreadsheet cut its last digits off (scientific notation)';
        return;
      end if;
      is_padded := true;
    elsif length(v_mantissa) > v_match[3]::int + 1 and substr(v_mantissa, v_match[3]::int + 2) ~ '[^0]' then
      problem := 'it is not a number of digits';
      return;
    end if;
    v_text := left(rpad(v_mantissa, v_match[3]::int + 1, '0'), v_match[3]::int + 1);
    repair := 'scientific notation was written out';
  end if;
  if v_text ~ '^\d{6,}[.,]0{1,3}$' then
    v_text := regexp_replace(v_text, '[.,]0+$', '');
    repair := 'a decimal point was taken off';
  elsif v_text ~ '^\d{1,3}([., ]\d{3})+$' then
    v_text := regexp_replace(v_text, '[., ]', '', 'g');
  end if;
  if v_text ~ '^[0-9]{9}[0-9X]$' and right(v_text, 1) = 'X' or v_text ~ '^\d{1,5}[ -]\d{1,7}[ -]\d{1,7}[ -][\dX]$' and length(translate(v_text, ' -', '')) = 10 then
    is_isbn := true;
  end if;
  v_text := regexp_replace(v_text, '[-_./\s]', '', 'g');
  if v_text ~ '^0[0-9]{14,}$' and length(ltrim(v_text, '0')) <= 14 then
    v_text := lpad(ltrim(v_text, '0'), 14, '0');
    repair := 'zeros in front were taken off';
  end if;
  if v_text !~ '^[0-9]+$' and not (is_isbn and v_text ~ '^[0-9]{9}X$') then
    problem := 'it is not a number';
  elsif ltrim(v_text, '0') = '' then
    problem := 'it is all zeros';
  elsif v_text ~ '^(\d)\1+$' then
    problem := 'it is a placeholder, not a number that was given out';
  elsif length(v_text) > 14 then
    problem := 'it has too many digits';
  elsif length(ltrim(v_text, '0')) < 6 then
    problem := 'it has too few digits';
  else
    digits := v_text;
    repair := coalesce(repair, case when digits <> btrim(raw) then 'other characters were taken out' end);
  end if;
end
$$;
comment on function likeness.clean_barcode(text) is
  'The digits of a raw barcode cell, what was taken off to get them, whether it says that it is an ISBN, whether zeros were put behind it, or why there are none. Part of read_gtin().';
