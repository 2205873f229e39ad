create or replace function likeness.may_be_linked(product_id bigint, canonical_product_id bigint)
returns boolean
language sql
stable parallel safe
begin atomic
  select exists (select from likeness.canonical_products c where c.id = may_be_linked.canonical_product_id)
     and not exists (
       select from likeness.match_rejections r
        where r.product_id = may_be_linked.product_id and r.canonical_product_id = may_be_linked.canonical_product_id);
end;
comment on function likeness.may_be_linked(bigint, bigint) is
  'Whether the canonical product is there, and nobody said that the product is not it. Part of match_products() and of taking decisions back.';
