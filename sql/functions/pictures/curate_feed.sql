create or replace function likeness.curate_feed()
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  -- What staff removed stays away.
  delete from pg_temp.feed_pictures g
   using pg_temp.feed_products f, likeness.removed_images r
   where f.line = g.line and r.product_id = f.product_id and r.source_key = g.source_key;
  -- What staff uploaded stays, though no feed knows it; a feed cannot name it either.
  delete from pg_temp.feed_pictures g
   using pg_temp.feed_products f, likeness.images i
   where f.line = g.line and i.product_id = f.product_id and i.uploaded_sha256 is not null and g.source_key = i.source_url;
  insert into pg_temp.feed_pictures (line, row_line, position, source_url, source_key)
  select f.line, f.line, i.position, i.source_url, i.source_url
    from pg_temp.feed_products f
    join likeness.products p on p.id = f.product_id and p.is_curated
    join likeness.images i on i.product_id = f.product_id and i.uploaded_sha256 is not null
   where f.has_pictures;
  -- What is there keeps the order that staff gave it; what is new comes behind, in the feed's order.
  update pg_temp.feed_pictures g
     set position = t.position
    from (
      select n.line, n.source_key, row_number() over (partition by n.line order by o.position nulls last, n.position) - 1 as position
        from pg_temp.feed_products f
        join likeness.products p on p.id = f.product_id and p.is_curated
        join pg_temp.feed_pictures n on n.line = f.line
        left join lateral (
          select min(i.position) as position
            from likeness.images i
           where i.product_id = f.product_id and likeness.source_key(i.source_url) = n.source_key) o on true) t
   where g.line = t.line and g.source_key = t.source_key and g.position <> t.position;
end
$$;
comment on function likeness.curate_feed() is
  'Fits a folded feed to what staff did with the pictures of its products: removed ones stay away, uploaded ones stay, and an arranged order holds. Part of merge_feed().';
