create or replace function likeness.plan_feed(prefix text default null)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
set work_mem = '64MB'
as $$
begin
  perform likeness.curate_feed();
  analyze pg_temp.feed_pictures;
  -- In steps with statistics in between: as one statement the planner takes 100,000 products for 200.
  insert into pg_temp.feed_relisted (product_id)
  select distinct product_id
    from (select f.product_id, g.position, g.source_url, g.source_key
            from pg_temp.feed_products f
            join pg_temp.feed_pictures g using (line)
           where f.product_id is not null) n
    full join (
          select i.product_id, i.position::int as position, i.source_url
            from pg_temp.feed_products f
            join likeness.images i on i.product_id = f.product_id
           where f.has_pictures) o
      using (product_id, position)
   where n.source_url is null or o.source_url is null
      or (n.source_url <> o.source_url and n.source_key <> likeness.source_key(o.source_url));
  analyze pg_temp.feed_relisted;

  -- By address first: a picture that only moves keeps its row, its bytes and its history.
  insert into pg_temp.feed_pairs (product_id, image_id, position, old_position, source_url)
  select product_id, o.id, n.position, o.position, n.source_url
    from (select f.product_id, g.position, g.source_url, g.source_key, 1::bigint as turn
            from pg_temp.feed_relisted
            join pg_temp.feed_products f using (product_id)
            join pg_temp.feed_pictures g using (line)) n
    full join (
          select i.id, i.product_id, i.position, k.source_key, row_number() over (partition by i.product_id, k.source_key order by i.position) as turn
            from pg_temp.feed_relisted
            join likeness.images i using (product_id)
           cross join lateral (select likeness.source_key(i.source_url) as source_key) k) o
      using (product_id, source_key, turn);
  analyze pg_temp.feed_pairs;

  -- Then by place: a new address takes over the row of the one that it replaces, so that the old picture
  -- is shown until the new one is there.
  insert into pg_temp.feed_changes (image_id, product_id, position, source_url)
  select coalesce(n.image_id, v.image_id), n.product_id, n.position, case when n.image_id is null then n.source_url end
    from pg_temp.feed_pairs n
    left join pg_temp.feed_pairs v on n.image_id is null and v.position is null and v.product_id = n.product_id and v.old_position = n.position
   where n.position is not null and n.position is distinct from n.old_position
   union all
  select v.image_id, v.product_id, null, null
    from pg_temp.feed_pairs v
   where v.position is null
     and not exists (
       select from pg_temp.feed_pairs n
        where n.image_id is null and n.product_id = v.product_id and n.position = v.old_position);
  analyze pg_temp.feed_changes;

  insert into pg_temp.feed_stale (image_id, has_new_address)
  select c.image_id, true
    from pg_temp.feed_changes c
   where c.image_id is not null and c.source_url is not null
   union all
  select i.id, b.has_new_address
    from pg_temp.feed_products f
    join likeness.datasets d on d.id = f.dataset_id
    join likeness.images i on i.product_id = f.product_id
   cross join lateral (
     select i.source_url !~* '^\s*([a-z][a-z0-9+.-]*:|//)'
        and likeness.build_source_url(i.source_url, d.image_url_prefix) is distinct from likeness.build_source_url(i.source_url, prefix)
        and (i.status <> 'pending' or i.queued_at is not null) as has_new_address) b
   where (f.has_new_media or d.image_url_prefix is distinct from prefix) and i.uploaded_sha256 is null
     and (b.has_new_address
          or (f.has_new_media and (i.status = 'failed' or (i.status = 'completed' and i.mirrored_at < f.media_changed_at))))
     and not exists (select from pg_temp.feed_changes c where c.image_id = i.id and (c.position is null or c.source_url is not null));
  analyze pg_temp.feed_stale;
end
$$;
comment on function likeness.plan_feed(text) is
  'Finds what a folded feed changes in the pictures that its products have: which move, go, come or get another source, and which must be fetched afresh. Part of merge_feed().';
