create or replace function likeness.read_gtin(raw text)
returns table (gtin text, grade int, repair text, problem text)
language plpgsql
immutable parallel safe
rows 1
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_clean record;
  v_digits text;
  v_short text;
  v_problem text;
  v_found boolean := false;
  v_reading record;
begin
  select c.* into v_clean from likeness.clean_barcode(raw) c;
  v_digits := v_clean.digits;
  if v_digits is null then
    if v_clean.problem is not null then
      return query select null::text, null::int, null::text, v_clean.problem;
    end if;
    return;
  end if;
  v_short := ltrim(v_digits, '0');
  for v_reading in
    select distinct on (r.gtin) r.gtin, r.grade, nullif(r.repair, '') as repair, likeness.refuse_gtin(r.gtin) as problem
      from (
        -- As it stands. Eight digits that begin with 0 are UPC-E: EAN-8 of that range is for use inside a company.
        select lpad(v_digits, 14, '0') as gtin, case when v_clean.is_padded then 2 else 1 end as grade, v_clean.repair as repair, 1 as turn
         where length(v_digits) in (8, 12, 13, 14) and not (length(v_digits) = 8 and left(v_digits, 1) = '0') and not v_clean.is_isbn
         union all
        select lpad(u.code, 14, '0'), case when left(v_digits, 1) = '0' then 1 else 2 end, 'UPC-E was written out', 2
          from (select likeness.expand_upc_e(v_digits) as code where length(v_digits) = 8) u
         where u.code is not null
         union all
        select lpad(u.code, 14, '0'), 2, 'UPC-E without its leading zero was written out', 4
          from (select likeness.expand_upc_e('0' || v_digits) as code where length(v_digits) = 7) u
         where u.code is not null
         union all
        -- A short number proves little by its check digit: one in ten has a right one.
        select lpad(v_short, 14, '0'), case when length(v_short) >= 8 and not v_clean.is_padded then 1 else 2 end,
               concat_ws(' and ', v_clean.repair, case when length(v_digits) < 12 then 'leading zeros were put back' end), 3
         where length(v_short) < 14 and not v_clean.is_isbn
         union all
        -- The body of an ISBN-10 under the prefix of books.
        select lpad('978' || left(v_digits, 9) || likeness.gtin_check_digit('978' || left(v_digits, 9)), 14, '0'),
               case when v_clean.is_isbn then 1 else 2 end, 'ISBN-10 became ISBN-13', 5
         where length(v_digits) = 10
           and (select sum((11 - n) * case when substr(v_digits, n, 1) = 'X' then 10 else substr(v_digits, n, 1)::int end) from generate_series(1, 10) n) % 11 = 0
         union all
        select lpad(v_digits, 14, '0'), 1, v_clean.repair, 6
         where length(v_digits) = 13 and v_clean.is_isbn) r
     where r.gtin ~ '^[0-9]{14}$' and right(r.gtin, 1) = likeness.gtin_check_digit(left(r.gtin, 13))
     order by r.gtin, r.grade, r.turn
  loop
    if v_reading.problem is null then
      v_found := v_found or v_reading.grade = 1;
      return query select v_reading.gtin, v_reading.grade, v_reading.repair, null::text;
    else
      v_problem := v_reading.problem;
    end if;
  end loop;
  -- Nothing proves a check digit that had to be computed; the name has to.
  if not v_clean.is_isbn and not v_clean.is_padded and v_problem is null then
    for v_reading in
      select distinct lpad(c.body || likeness.gtin_check_digit(c.body), 14, '0') as gtin
        from (select lpad(v_short, 11, '0') as body where length(v_short) between 6 and 11 and length(v_digits) <= 11
               union all
              select v_digits where length(v_digits) = 12) c
    loop
      if likeness.refuse_gtin(v_reading.gtin) is null then
        return query select v_reading.gtin, 2, 'its check digit was missing and was computed', null::text;
      end if;
    end loop;
  end if;
  if not v_found then
    -- In the column of reasons even beside readings that only a name can prove.
    return query
    select null::text, null::int, null::text,
           coalesce(v_problem, case when v_clean.is_padded then 'a spreadsheet cut its last digits off (scientific notation)' when length(v_digits) in (8, 12, 13, 14) or v_clean.is_isbn then 'its check digit is wrong' else 'it has too few digits, or its check digit is missing' end);
  end if;
end
$$;
comment on function likeness.read_gtin(text) is
  'All readings of a raw barcode as 14 digits: grade 1, its check digit proves it; 2, only together with the name. repair says what was mended. Where nothing proves itself, a row without gtin says why a person cannot rely on it. No rows: there is no barcode.';
