create or replace function likeness.judge_match(
  grade int, proven int, overlap real, packs_differ boolean, name_confidence real, product_gtin text, canonical_gtin text, gtin_note text, link_from real,
  out method text, out confidence real, out is_capped boolean, out reason text)
language plpgsql
stable parallel safe
set search_path = ''
as $$
declare
  -- What a person has to look at: likely, and below the line of automatic links.
  v_doubt constant real := 0.80;
begin
  is_capped := true;
  if grade = 1 then
    method := 'barcode';
    if overlap < 0.35 and coalesce(name_confidence, 0) < link_from then
      confidence := v_doubt;
      reason := 'the barcode agrees, but the names have nothing in common: one of them is wrong';
    elsif packs_differ then
      confidence := v_doubt;
      reason := 'the barcode agrees, but one is a pack of another number: it may be that of a single one';
    elsif proven > 1 then
      confidence := v_doubt;
      reason := 'the barcode leads to more than one canonical product';
    else
      confidence := 1;
      is_capped := false;
      reason := 'the barcode agrees';
    end if;
  elsif grade = 2 and not coalesce(packs_differ, false) and (overlap >= 0.60 or name_confidence >= link_from) then
    method := 'barcode';
    confidence := 0.96;
    is_capped := false;
    reason := 'the barcode agrees once it is repaired, and so do the names';
  elsif grade = 2 and coalesce(overlap, 0) >= 0.35 then
    method := 'barcode';
    confidence := greatest(0.75, least(name_confidence, v_doubt));
    reason := 'the barcode agrees once it is repaired, but the names are not alike enough to prove it';
  elsif grade = 3 and coalesce(overlap, 1) >= 0.35 then
    method := 'barcode';
    confidence := greatest(0.75, least(name_confidence, v_doubt));
    reason := 'the barcode is that of a case of it';
  else
    method := 'name';
    confidence := coalesce(name_confidence, 0);
    is_capped := false;
    reason := 'the names agree';
    if product_gtin <> canonical_gtin then
      is_capped := true;
      if confidence > v_doubt then
        confidence := v_doubt;
        reason := 'the names agree, but both have barcodes, which differ';
      end if;
    elsif product_gtin is null and gtin_note is not null and canonical_gtin is not null and gtin_note !~ 'placeholder|all zeros' then
      is_capped := true;
      if confidence > v_doubt then
        confidence := v_doubt;
        reason := 'the names agree, but the barcode cannot be relied on: ' || gtin_note;
      end if;
    end if;
    if confidence < 0.70 then
      reason := 'the names are somewhat alike';
    end if;
  end if;
end
$$;
comment on function likeness.judge_match(int, int, real, boolean, real, text, text, text, real) is
  'What barcode and name say together about a product and a candidate. A barcode proves it unless the names or the numbers in a pack contradict it; a repaired one needs the name; a name cannot prove it against a barcode. is_capped: something speaks against it, so that nothing else may lift it to a link. Part of plan_matches().';
