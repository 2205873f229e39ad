create or replace function likeness.start_run(
  product_ids bigint[] default null, image_limit int default null, label text default 'mirror', priority smallint default 1
)
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_run bigint;
  v_images bigint[];
  v_all int := 0;
begin
  if image_limit < 1 then
    raise exception 'image_limit must be at least 1 or null, not %', image_limit using errcode = 'LK004';
  end if;
  -- What waits already belongs to an earlier run, which would never end without it.
  select array_agg(w.id) into v_images
    from (select i.id
            from likeness.products p
            join likeness.datasets d on d.id = p.dataset_id and d.status <> 'draft'
            join likeness.images i on i.product_id = p.id
           where p.status = 'active' and (start_run.product_ids is null or p.id = any(start_run.product_ids))
             and i.queued_at is null and i.status in ('pending', 'outdated', 'failed')
           order by i.position, i.id
           limit start_run.image_limit) w;
  -- Counted where products are named: over a whole catalogue it would cost more than the run's own work.
  select count(*)::int into v_all from likeness.images i where i.product_id = any(start_run.product_ids);

  insert into likeness.runs (label, skipped)
  values (start_run.label, greatest(0, v_all - coalesce(cardinality(v_images), 0)))
  returning runs.id into v_run;
  perform likeness.queue_images(coalesce(v_images, '{}'), start_run.priority, v_run);
  update likeness.runs r
     set status = 'finished', finished_at = likeness.clock()
   where r.id = v_run and r.wanted = 0;
  return v_run;
end
$$;
comment on function likeness.start_run(bigint[], int, text, smallint) is
  'Queues under a run the pictures that need fetching (never fetched, outdated, failed) of the named products or of all, at most image_limit, heroes first; returns the run. Those that need nothing or wait already count as skipped where products are named.';
