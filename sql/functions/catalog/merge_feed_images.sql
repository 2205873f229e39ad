create or replace function likeness.merge_feed_images(supplier_id bigint)
returns table (images_new int, images_changed int, images_removed int)
language plpgsql
volatile parallel unsafe
set search_path = ''
set work_mem = '64MB'
as $$
#variable_conflict use_column
declare
  v_new int;
  v_changed int;
  v_removed int;
begin
  v_removed := likeness.remove_feed_images();
  perform likeness.outdate_feed_images();
  -- One statement: positions are unique at its end, not within it.
  update likeness.images i
     set position = c.position::smallint, source_url = coalesce(c.source_url, i.source_url), updated_at = likeness.clock(),
         role = case when i.role = 'thumb' then 'thumb' when c.position = 0 then 'hero' else 'gallery' end
    from pg_temp.feed_changes c
   where i.id = c.image_id and c.position is not null;
  insert into likeness.images (product_id, position, role, source_url)
  select n.product_id, n.position::smallint, case when n.position = 0 then 'hero' else 'gallery' end, n.source_url
    from (
      select c.product_id, c.position, c.source_url
        from pg_temp.feed_changes c
       where c.image_id is null
       union all
      select p.id, g.position, g.source_url
        from pg_temp.feed_products f
        join pg_temp.feed_pictures g using (line)
        join likeness.products p on p.supplier_id = merge_feed_images.supplier_id and p.sku = f.sku
       where f.product_id is null) n
   order by n.product_id, n.position;
  get diagnostics v_new = row_count;
  select count(*) into v_changed
    from (select c.image_id from pg_temp.feed_changes c where c.image_id is not null and c.position is not null
           union
          select s.image_id from pg_temp.feed_stale s) u;
  return query select v_new, v_changed, v_removed;
end
$$;
comment on function likeness.merge_feed_images(bigint) is
  'Does what plan_feed() found: removes, moves, outdates and adds pictures. Part of merge_feed().';
