create or replace function likeness.is_generic_picture(sha256 text)
returns boolean
language sql
stable parallel safe
begin atomic
  -- What stands for several things is a picture of none of them.
  select exists (select from likeness.placeholders h where h.sha256 = is_generic_picture.sha256 and h.verdict = 'placeholder')
      or (select count(distinct n.thing) > 3
            from (
              select coalesce(i.canonical_product_id, p.canonical_product_id, -p.id) as thing
                from likeness.images i
                left join likeness.products p on p.id = i.product_id
               where i.blob_sha256 = is_generic_picture.sha256
               limit 200) n);
end;
comment on function likeness.is_generic_picture(text) is
  'A stand-in ("picture follows soon"), which says nothing about any product: a known placeholder, or shown by more than three different products.';
