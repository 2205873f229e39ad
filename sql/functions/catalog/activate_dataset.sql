create or replace function likeness.activate_dataset(dataset_id bigint)
returns table (run_id bigint, queued int, failed int)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_dataset likeness.datasets;
  v_run bigint;
  v_images bigint[];
  v_queued int;
  v_canonicals bigint[];
begin
  select d.* into v_dataset from likeness.datasets d where d.id = activate_dataset.dataset_id for update;
  if not found then
    raise exception 'there is no dataset %', dataset_id using errcode = 'LK002', hint = 'select id, name, status from likeness.datasets;';
  end if;
  if v_dataset.status = 'retired' then
    raise exception 'dataset % was retired by a later import', dataset_id using errcode = 'LK003', hint = 'Import the feed again.';
  end if;
  update likeness.datasets d
     set status = 'active', activated_at = coalesce(d.activated_at, likeness.clock())
   where d.id = activate_dataset.dataset_id;
  update likeness.datasets d
     set status = 'retired', retired_at = likeness.clock()
   where d.supplier_id = v_dataset.supplier_id and d.status = 'active' and d.id < v_dataset.id
     and not exists (select from likeness.products p where p.dataset_id = d.id);

  -- Whose pictures are shared is decided before any is fetched.
  select array_agg(distinct p.canonical_product_id) into v_canonicals
    from likeness.products p
   where p.dataset_id = activate_dataset.dataset_id and p.canonical_product_id is not null;
  if v_canonicals is not null then
    perform likeness.settle_pictures(v_canonicals, '{}', activate_dataset.dataset_id);
  end if;

  insert into likeness.runs (label) values (format('dataset %s: %s', v_dataset.id, v_dataset.name)) returning runs.id into v_run;
  select array_agg(i.id) into v_images
    from likeness.products p
    join likeness.images i on i.product_id = p.id
   where p.dataset_id = activate_dataset.dataset_id and p.status = 'active'
     and i.queued_at is null and i.status in ('pending', 'outdated')
     and (p.canonical_product_id is null or not likeness.is_spared(p.id));
  v_queued := likeness.queue_images(coalesce(v_images, '{}'), 0::smallint, v_run);
  update likeness.runs r
     set status = 'finished', finished_at = likeness.clock()
   where r.id = v_run and r.wanted = 0;
  return query select v_run, v_queued, coalesce(cardinality(v_images), 0) - v_queued;
end
$$;
comment on function likeness.activate_dataset(bigint) is
  'Makes a dataset active and queues the pictures of its active products under a run. Idempotent: a second call queues only what still has to be fetched.';
