create or replace function likeness.rollback_supplier(supplier text, since timestamptz, dry_run boolean default true, done_by text default session_user)
returns table (rollback_id bigint, restored int, new int, gone int, removed int)
language plpgsql
volatile parallel unsafe
set search_path = ''
set work_mem = '64MB'
set jit = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_supplier bigint;
  v_images bigint[];
  v_sha256s text[];
begin
  select s.id into v_supplier from likeness.suppliers s where s.name = rollback_supplier.supplier;
  if not found then
    raise exception 'there is no supplier "%"', supplier using errcode = 'LK002', hint = 'select name from likeness.suppliers;';
  end if;
  if since is null or since > v_now then
    raise exception 'since must be a time in the past, not %', coalesce(since::text, 'null') using errcode = 'LK004';
  end if;
  if dry_run is null then
    raise exception 'dry_run must be true (only count) or false (do it), not null' using errcode = 'LK004';
  end if;
  perform likeness.need_text('done_by', done_by);
  select coalesce(array_agg(p.image_id) filter (where p.action = 'restore'), '{}'),
         coalesce(array_agg(p.earlier_sha256) filter (where p.action = 'restore'), '{}'),
         count(*) filter (where p.action = 'new'), count(*) filter (where p.action = 'gone'), count(*) filter (where p.action = 'removed')
    into v_images, v_sha256s, new, gone, removed
    from likeness.plan_rollback(v_supplier, rollback_supplier.since) p;
  restored := cardinality(v_images);
  if dry_run then
    return next;
    return;
  end if;

  -- Lock order of sql/README.md. What was shown before does not change any more, so the plan holds though
  -- a worker finished one of these pictures meanwhile.
  perform 1 from likeness.hosts h where h.id in (select i.host_id from likeness.images i where i.id = any(v_images)) order by h.id for no key update;
  perform 1 from likeness.images i where i.id = any(v_images) order by i.id for no key update;
  -- Now that they are locked: history is ordered by time, and whoever had them before has written its own.
  v_now := likeness.clock();
  -- Garbage collection locks bytes FOR UPDATE: it is done with them, or sees our reference.
  perform 1 from likeness.blobs b where b.sha256 = any(v_sha256s) order by b.sha256 for key share;
  update likeness.blobs b
     set status = 'stored', condemned_at = null
   where b.sha256 = any(v_sha256s) and b.status = 'condemned' and not b.is_deleting;

  insert into likeness.rollbacks (supplier_id, since_at, done_at, done_by)
  values (v_supplier, since, v_now, done_by)
  returning id into rollback_id;
  with back as materialized (
    select r.image_id, r.sha256
      from unnest(v_images, v_sha256s) r (image_id, sha256)
      join likeness.blobs b on b.sha256 = r.sha256 and b.status = 'stored'
  ),
  restored as (
    -- Validators stay those of the bytes that are taken away: while the source still has them it says so.
    update likeness.images i
       set blob_sha256 = b.sha256, mirrored_at = coalesce(i.mirrored_at, v_now), updated_at = v_now
      from back b
     where i.id = b.image_id and i.blob_sha256 is distinct from b.sha256
       -- A cleanup released it after the plan was made: it is fetched afresh when its product returns.
       and i.status <> 'pending'
    returning i.id, i.product_id, i.canonical_product_id, i.position, i.blob_sha256
  ),
  remembered as (
    insert into likeness.image_history (image_id, product_id, canonical_product_id, position, blob_sha256, shown_at, cause)
    select r.id, r.product_id, r.canonical_product_id, r.position, r.blob_sha256, v_now, 'rolled back'
      from restored r
  )
  select count(*) into restored from restored;
  update likeness.rollbacks r set images = restored where r.id = rollback_id;

  -- What is shown again was not rejected; what was open is about bytes that are gone from the place.
  update likeness.change_reviews c
     set decision = 'superseded', decided_at = v_now, decided_by = format('rollback %s', rollback_id)
    from unnest(v_images, v_sha256s) r (image_id, sha256)
   where c.image_id = r.image_id and ((c.new_sha256 = r.sha256 and c.decision = 'rejected') or c.decision is null);
  -- The source still has the bad bytes, and its validators may lie: finish_images() does not take them again.
  insert into likeness.change_reviews (decision, image_id, noticed_at, decided_at, decided_by, old_sha256, new_sha256)
  select 'rejected', y.image_id, v_now, v_now, format('rollback %s', rollback_id), y.sha256, y.blob_sha256
    from (select distinct r.image_id, r.sha256, h.blob_sha256
            from likeness.image_history h
            join unnest(v_images, v_sha256s) r (image_id, sha256) using (image_id)
           where h.shown_at >= rollback_supplier.since and h.cause in ('mirrored', 'change approved')
             and h.blob_sha256 is not null and h.blob_sha256 <> r.sha256) y;
  perform pg_notify('likeness_finished', '');
  return next;
end
$$;
comment on function likeness.rollback_supplier(text, timestamptz, boolean, text) is
  'Puts a supplier''s pictures back to what they showed just before a time, in one transaction; by default it only counts. Bytes that are taken away are not taken again from that source, until release_rollback(); other bytes are. To undo one, roll back to just before it was done. Example: select * from likeness.rollback_supplier(''acme'', ''2030-01-01 06:00+00'');';
