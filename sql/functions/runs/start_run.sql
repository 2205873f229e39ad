create or replace function likeness.start_run(
  product_ids bigint[] default null, image_limit int default null, label text default 'mirror', priority int default 1,
  max_concurrent int default null, force boolean default false
)
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_run bigint;
  v_images bigint[];
  v_all int := 0;
begin
  if image_limit < 1 then
    raise exception 'image_limit must be at least 1 or null, not %', image_limit using errcode = 'LK004';
  end if;
  if start_run.max_concurrent < 1 then
    raise exception 'max_concurrent must be at least 1 or null, not %', start_run.max_concurrent using errcode = 'LK004';
  end if;
  if start_run.label is null then
    raise exception 'label must be text, not null' using errcode = 'LK004';
  end if;
  perform likeness.need_priority(start_run.priority);
  -- What waits already belongs to an earlier run, which would never end without it.
  select array_agg(w.id order by w.position, w.id) into v_images
    from (select i.id, i.position
            from likeness.products p
            join likeness.datasets d on d.id = p.dataset_id and d.status <> 'draft'
            join likeness.images i on i.product_id = p.id
           where p.status = 'active' and (start_run.product_ids is null or p.id = any(start_run.product_ids))
             and ((i.queued_at is null and i.status in ('pending', 'outdated', 'failed')
                   and (p.canonical_product_id is null or not likeness.is_spared(p.id)))
                  or (start_run.force and i.status = 'completed'))
           order by i.position, i.id
           limit start_run.image_limit) w;
  -- What a named product shows by somebody else's name is fetched afresh, too.
  if start_run.force and start_run.product_ids is not null then
    v_images := (v_images || array(
      select distinct i.id
        from likeness.products p
        join likeness.canonical_products c on c.id = p.canonical_product_id and c.picture_product_id <> all(start_run.product_ids)
        join likeness.images i on i.product_id = c.picture_product_id and i.status = 'completed'
       where p.id = any(start_run.product_ids) and p.status = 'active' and not p.use_custom_image))[:coalesce(start_run.image_limit, 2147483647)];
  end if;
  -- Counted where products are named: over a whole catalogue it would cost more than the run's own work.
  select count(*)::int into v_all from likeness.images i where i.product_id = any(start_run.product_ids);

  insert into likeness.runs (label, skipped, max_concurrent)
  values (start_run.label, greatest(0, v_all - coalesce(cardinality(v_images), 0)), start_run.max_concurrent)
  returning id into v_run;
  if start_run.max_concurrent is null then
    perform likeness.queue_images(coalesce(v_images, '{}'), start_run.priority, v_run);
  else
    insert into likeness.run_waiting (run_id, image_id, priority)
    select v_run, w.id, start_run.priority from unnest(v_images) with ordinality w (id, turn) order by w.turn;
    update likeness.runs r
       set waiting = cardinality(v_images), wanted = cardinality(v_images)
     where r.id = v_run and v_images is not null;
    perform likeness.feed_runs();
    -- Where another feeds at this moment, a worker does it when it looks.
    perform pg_notify('likeness_work', '');
  end if;
  if start_run.force then
    -- Bytes are fetched whatever the validators say.
    update likeness.images i set is_forced = true where i.id = any(v_images) and i.status in ('completed', 'outdated') and not i.is_forced;
  end if;
  update likeness.runs r
     set status = 'finished', finished_at = likeness.clock()
   where r.id = v_run and r.wanted = 0;
  return v_run;
end
$$;
comment on function likeness.start_run(bigint[], int, text, int, int, boolean) is
  'Queues under a run the pictures that need fetching (never fetched, outdated, failed) of the named products or of all, at most image_limit, heroes first, no more than max_concurrent of them at once; returns the run. With force also those that are completed, all without validators. Those that need nothing or wait already count as skipped where products are named.';
