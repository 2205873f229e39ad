create or replace function likeness.prefetch_images(product_ids bigint[])
returns table (products int, unknown int, cached int, queued int, raised int, failed int)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_waiting bigint[];
begin
  select count(*)::int, (count(*) filter (where p.id is null))::int
    into products, unknown
    from (select distinct u.id from unnest(prefetch_images.product_ids) u (id)) a
    left join likeness.products p on p.id = a.id and p.status <> 'deleted';
  -- Of products that share pictures, those.
  select (count(*) filter (where i.status = 'completed' or i.is_check))::int, (count(*) filter (where i.status = 'failed'))::int,
         array_agg(i.id) filter (where i.status in ('pending', 'outdated') and i.queued_at is null and p.status = 'active' and d.status = 'active')
    into cached, failed, v_waiting
    from likeness.images i
    left join likeness.products p on p.id = i.product_id
    left join likeness.datasets d on d.id = p.dataset_id
   where i.id in (
     select g.id
       from likeness.products a
       join likeness.images g on g.product_id = a.id
      where a.id = any(prefetch_images.product_ids) and a.status <> 'deleted'
        and (g.blob_sha256 is not null or a.canonical_product_id is null or not likeness.is_spared(a.id))
      union
     select g.id
       from likeness.products a
       join likeness.images g on g.canonical_product_id = a.canonical_product_id
      where a.id = any(prefetch_images.product_ids) and a.status <> 'deleted'
      union
     select g.id
       from likeness.products a
       join likeness.canonical_products c on c.id = a.canonical_product_id
       join likeness.images g on g.product_id = c.picture_product_id
      where a.id = any(prefetch_images.product_ids) and a.status <> 'deleted' and not a.use_custom_image);
  queued := likeness.queue_images(coalesce(v_waiting, '{}'), 2::smallint);
  raised := likeness.set_priority(prefetch_images.product_ids, 2);
  perform likeness.note_views(prefetch_images.product_ids);
  return next;
end
$$;
comment on function likeness.prefetch_images(bigint[]) is
  'Somebody is about to show these products: what waits rises to class 2 (listed just now), what is not queued though it should be is queued, and what is cached is checked more often. Failed pictures stay failed: retry_images().';
