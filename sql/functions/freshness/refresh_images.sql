create or replace function likeness.refresh_images(
  product_ids bigint[] default null, supplier text default null, dataset_id bigint default null, is_forced boolean default true,
  priority int default 1, label text default 'refresh'
)
returns table (run_id bigint, queued int, in_hand int, failed int)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_images bigint[];
begin
  if num_nonnulls(refresh_images.product_ids, refresh_images.supplier, refresh_images.dataset_id) = 0 then
    raise exception 'say what to refresh: product_ids, supplier or dataset_id' using errcode = 'LK004';
  end if;
  if refresh_images.label is null then
    raise exception 'label must be text, not null' using errcode = 'LK004';
  end if;
  perform likeness.need_priority(refresh_images.priority);
  if refresh_images.supplier is not null and not exists (select from likeness.suppliers s where s.name = refresh_images.supplier) then
    raise exception 'there is no supplier "%"', refresh_images.supplier using errcode = 'LK002', hint = 'select name from likeness.suppliers;';
  end if;
  if refresh_images.dataset_id is not null and not exists (select from likeness.datasets d where d.id = refresh_images.dataset_id) then
    raise exception 'there is no dataset %', refresh_images.dataset_id using errcode = 'LK002', hint = 'select id, name, status from likeness.datasets;';
  end if;
  if exists (select from unnest(refresh_images.product_ids) a (id) where not exists (select from likeness.products p where p.id = a.id)) then
    raise exception 'there is no product %', (select min(a.id) from unnest(refresh_images.product_ids) a (id) where not exists (select from likeness.products p where p.id = a.id))
      using errcode = 'LK002', table = 'products';
  end if;
  -- Shared pictures are refreshed by the name of any product that shares them.
  select array_agg(i.id order by i.id), (count(*) filter (where i.status = 'processing'))::int
    into v_images, in_hand
    from likeness.images i
   where i.id in (
     select g.id
       from likeness.products p
       join likeness.datasets d on d.id = p.dataset_id and d.status <> 'draft'
       join likeness.suppliers s on s.id = p.supplier_id
       left join likeness.canonical_products c on c.id = p.canonical_product_id and not p.use_custom_image
      cross join lateral (
        select o.id, o.blob_sha256 from likeness.images o where o.product_id = p.id
         union all
        select o.id, o.blob_sha256 from likeness.images o where o.canonical_product_id = p.canonical_product_id
         union all
        select o.id, o.blob_sha256 from likeness.images o where o.product_id = c.picture_product_id and c.picture_product_id <> p.id and o.blob_sha256 is not null) g
      where p.status = 'active'
        and (g.blob_sha256 is not null or p.canonical_product_id is null or not likeness.is_spared(p.id))
        and (refresh_images.product_ids is null or p.id = any(refresh_images.product_ids))
        and (refresh_images.supplier is null or s.name = refresh_images.supplier)
        and (refresh_images.dataset_id is null or p.dataset_id = refresh_images.dataset_id));
  insert into likeness.runs (label) values (refresh_images.label) returning runs.id into run_id;
  in_hand := coalesce(in_hand, 0);
  queued := likeness.queue_images(coalesce(v_images, '{}'), refresh_images.priority, run_id);
  if refresh_images.is_forced then
    update likeness.images i
       set is_forced = true
     where i.id = any(v_images) and i.queued_at is not null;
  end if;
  update likeness.runs r
     set status = 'finished', finished_at = likeness.clock()
   where r.id = run_id and r.wanted = 0;
  failed := coalesce(cardinality(v_images), 0) - queued - in_hand;
  return next;
end
$$;
comment on function likeness.refresh_images(bigint[], text, bigint, boolean, int, text) is
  'Fetches the pictures of products, of a supplier or of a dataset again, under a run; what they show stays until the new bytes are there. Forced: whatever the sources'' validators say. Example: select * from likeness.refresh_images(supplier => ''acme'');';
