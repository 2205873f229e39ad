create or replace function likeness.shows_for_others(product_id bigint, left_since timestamptz)
returns boolean
language sql
stable parallel safe
begin atomic
  select exists (
    select
      from likeness.canonical_products c
     where c.picture_product_id = shows_for_others.product_id
       and exists (select from likeness.images i where i.product_id = shows_for_others.product_id and i.blob_sha256 is not null)
       -- Somebody looks at them who is sold, or was until lately.
       and exists (
         select
           from likeness.products o
          where o.canonical_product_id = c.id and o.id <> shows_for_others.product_id
            and (o.status = 'active' or o.status_changed_at > shows_for_others.left_since))
       -- And there is nothing else to be looked at.
       and not exists (select from likeness.images u where u.canonical_product_id = c.id and u.blob_sha256 is not null)
       and not exists (
         select
           from likeness.products h
           join likeness.images i on i.product_id = h.id and i.blob_sha256 is not null
          where h.canonical_product_id = c.id and h.id <> shows_for_others.product_id and h.status = 'active' and not h.use_custom_image));
end;
comment on function likeness.shows_for_others(bigint, timestamptz) is
  'Products that are sold, or left after a time, show the pictures of this one and have no others that they could share. Part of cleanup_products().';
