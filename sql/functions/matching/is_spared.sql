create or replace function likeness.is_spared(product_id bigint)
returns boolean
language sql
stable parallel safe
begin atomic
  select exists (
    select
      from likeness.products p
      join likeness.canonical_products c on c.id = p.canonical_product_id
     where p.id = is_spared.product_id and not p.use_custom_image
       and (c.picture_product_id <> p.id
            or exists (select from likeness.images i where i.canonical_product_id = c.id and i.blob_sha256 is not null)));
end;
comment on function likeness.is_spared(bigint) is 'The product shows pictures of its canonical product, so that its own need not be fetched.';
