create or replace function likeness.choose_pictures(canonical_product_ids bigint[])
returns table (canonical_product_id bigint, picture_product_id bigint)
language sql
stable parallel safe
begin atomic
  -- Whose pictures are shared: once there is something to see it stays so, while the product is sold; else the first that was linked
  -- and can be fetched.
  select c.id, d.id
    from likeness.canonical_products c
    left join lateral (
      select p.id
        from likeness.products p
        join likeness.datasets t on t.id = p.dataset_id
       cross join lateral (
         select bool_or(i.blob_sha256 is not null) as is_shown, bool_or(i.status <> 'failed') as is_hopeful, count(*) as images
           from likeness.images i
          where i.product_id = p.id) g
       where p.canonical_product_id = c.id and p.status <> 'deleted' and not p.use_custom_image
         and (g.is_shown or (g.is_hopeful and p.status = 'active' and t.status = 'active'))
       order by g.is_shown desc, p.status = 'active' desc, p.id = c.picture_product_id desc nulls last, p.linked_at nulls first, p.id
       limit 1) d on true
   where c.id = any(choose_pictures.canonical_product_ids);
end;
comment on function likeness.choose_pictures(bigint[]) is
  'Which product''s pictures the products of a canonical product shall show: of those with a picture that is there those that are sold, of them the one that is shown now, else the first linked; else the first whose pictures can be fetched. Part of settle_pictures().';
