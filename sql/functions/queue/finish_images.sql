create or replace function likeness.finish_images(worker text, outcomes jsonb)
returns table (image_id bigint, is_accepted boolean)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_all likeness.outcome[];
  v_ids bigint[];
  v_has_bytes boolean;
  v_mine likeness.outcome[];
  v_outcomes likeness.outcome[];
  v_places tid[];
  v_lost bigint[];
  v_products text;
  v_done likeness.worker_minutes;
  v_runs bigint[];
begin
  select array_agg(o), array_agg(o.image_id) into v_all, v_ids from jsonb_populate_recordset(null::likeness.outcome, outcomes) o;

  -- Lock order of sql/README.md: hosts, then images, then blobs, each by key. Finish and claim both lock
  -- the host, so that neither can miss what the other leaves behind.
  select array_agg(l.place) into v_places
    from (select h.ctid as place
            from likeness.hosts h
           where h.id in (select i.host_id from likeness.images i where i.id = any(v_ids))
           order by h.id
             for no key update) l;
  with held as materialized (
    select i.id, i.claim_no, i.claimed_by
      from likeness.images i
     where i.id = any(v_ids)
     order by i.id
       for no key update
  )
  select coalesce(array_agg(o), '{}'), coalesce(bool_or(o.sha256 is not null and (jsonb_typeof(o.blob) = 'object' or not o.is_completed)), false)
    into v_outcomes, v_has_bytes
    from unnest(v_all) o
    join held h on h.id = o.image_id and h.claim_no = o.claim_no and h.claimed_by = finish_images.worker;

  -- Now that they are locked: history is ordered by time, and whoever had them before has written its own.
  v_now := likeness.clock();
  v_mine := v_outcomes;
  v_outcomes := likeness.admit_outcomes(worker, v_mine);
  if cardinality(v_outcomes) < cardinality(v_mine) then
    -- Their bytes were deleted while they were in hand: they are fetched once more.
    perform likeness.release_images(worker, array(select m.image_id from unnest(v_mine) m except select o.image_id from unnest(v_outcomes) o));
    v_places := array(select h.ctid from likeness.hosts h where h.id in (select i.host_id from likeness.images i where i.id = any(v_ids)));
  end if;
  if v_has_bytes then
    perform likeness.store_blobs(v_outcomes);
  end if;
  v_lost := likeness.learn_freshness(worker, v_outcomes);
  v_outcomes := likeness.screen_outcomes(v_outcomes);

  with done as (
    select o.*, i.host_id, case when not i.is_check then i.run_id end as run_id, i.product_id, i.canonical_product_id, i.position,
           i.blob_sha256 as old_sha256, coalesce(s.max_attempts, 3) as max_attempts, i.attempts + 1 as new_attempts,
           -- A check that failed is made again by its own plan.
           coalesce(o.is_retryable, false) and not i.is_check and i.attempts + 1 < coalesce(s.max_attempts, 3) as is_retried,
           k.stays_completed
      from unnest(v_outcomes) o
      join likeness.images i on i.id = o.image_id
      left join likeness.products p on p.id = i.product_id
      left join likeness.suppliers s on s.id = p.supplier_id
     cross join lateral (select i.is_check and not i.id = any(v_lost) as stays_completed) k
  ),
  moved as (
    update likeness.images i
       set status = case when d.is_completed or d.stays_completed then 'completed'
                         when not d.is_retried then 'failed'
                         when i.blob_sha256 is null then 'pending' else 'outdated' end,
           claimed_by = null, claim_expires_at = null, is_alone = false, is_suspect = false, is_forced = i.is_forced and d.is_retried,
           worker_deaths = case when d.is_completed then 0 else i.worker_deaths end,
           attempts = case when d.is_completed or d.stays_completed then 0 else d.new_attempts end,
           failure_reason = case when not d.is_completed and not d.stays_completed then d.reason end,
           failure_text = case when not d.is_completed and not d.stays_completed then d.failure_text end,
           queued_at = case when not d.is_completed and d.is_retried then v_now end,
           retry_at = case when not d.is_completed and d.is_retried then v_now + likeness.retry_delay(d.new_attempts, d.retry_after_seconds) end,
           mirrored_at = case when d.is_completed then v_now else i.mirrored_at end,
           priority = case when d.is_completed then 0 else i.priority end,
           blob_sha256 = case when d.is_completed then coalesce(d.sha256, i.blob_sha256) else i.blob_sha256 end,
           source_bytes = coalesce(d.source_bytes, i.source_bytes),
           source_etag = case when d.is_completed and d.sha256 is not null then d.etag when d.is_completed then coalesce(d.etag, i.source_etag) else i.source_etag end,
           source_last_modified = case when d.is_completed and d.sha256 is not null then d.last_modified when d.is_completed then coalesce(d.last_modified, i.source_last_modified) else i.source_last_modified end,
           updated_at = v_now
      from done d
     where i.id = d.image_id
    returning i.id
  ),
  remembered as (
    insert into likeness.image_history (image_id, product_id, canonical_product_id, position, blob_sha256, shown_at, cause)
    select d.image_id, d.product_id, d.canonical_product_id, d.position, d.sha256, v_now, 'mirrored'
      from done d
     where d.is_completed and d.sha256 is not null and d.sha256 is distinct from d.old_sha256
  ),
  counted as (
    update likeness.runs r
       set attempted = r.attempted + c.attempted, stored = r.stored + c.stored, reused = r.reused + c.reused, failed = r.failed + c.failed,
           failed_by_reason = case when c.failed = 0 then r.failed_by_reason else likeness.count_reasons(r.failed_by_reason, c.reasons) end,
           status = case when r.stored + r.reused + r.failed + c.stored + c.reused + c.failed >= r.wanted then 'finished' else r.status end,
           finished_at = case when r.stored + r.reused + r.failed + c.stored + c.reused + c.failed >= r.wanted then coalesce(r.finished_at, v_now) end
      from (
        select d.run_id, count(*)::int as attempted,
               (count(*) filter (where d.is_completed and not coalesce(d.is_reused, false)))::int as stored,
               (count(*) filter (where d.is_completed and d.is_reused))::int as reused,
               (count(*) filter (where not d.is_completed and not d.is_retried))::int as failed,
               array_agg(d.reason) filter (where not d.is_completed and not d.is_retried) as reasons
          from done d
         where d.run_id is not null
         group by d.run_id) c
     where r.id = c.run_id
  )
  select string_agg(distinct d.product_id::text, ','),
         count(*) filter (where d.is_completed and not coalesce(d.is_reused, false)), count(*) filter (where d.is_completed and d.is_reused),
         count(*) filter (where not d.is_completed and not d.is_retried and not d.stays_completed),
         count(*) filter (where not d.is_completed and (d.is_retried or d.stays_completed)),
         coalesce(sum(d.source_bytes), 0), array_agg(distinct d.run_id) filter (where d.run_id is not null)
    into v_products, v_done.stored, v_done.reused, v_done.failed, v_done.retried, v_done.bytes, v_runs
    from done d;

  perform likeness.settle_hosts(v_outcomes, v_places);
  -- A row a worker and minute, written last: no other worker waits for it, and whoever waits holds nothing that is needed here.
  if v_outcomes <> '{}' then
    insert into likeness.worker_minutes as m (minute_at, worker, stored, reused, failed, retried, bytes)
    values (date_trunc('minute', v_now), finish_images.worker, v_done.stored, v_done.reused, v_done.failed, v_done.retried, v_done.bytes)
    on conflict (minute_at, worker) do update
       set stored = m.stored + excluded.stored, reused = m.reused + excluded.reused, failed = m.failed + excluded.failed,
           retried = m.retried + excluded.retried, bytes = m.bytes + excluded.bytes;
  end if;
  if v_runs is not null and exists (select from likeness.runs r where r.id = any(v_runs) and r.waiting > 0) then
    -- There is room for the next pictures of a run with max_concurrent: feed_runs().
    perform pg_notify('likeness_work', '');
  end if;
  if v_products is not null then
    -- Those who wait for a product hear of it; a payload holds 8000 bytes, and an empty one says "look for yourself".
    perform pg_notify('likeness_finished', case when length(v_products) < 7000 then v_products else '' end);
  end if;

  return query
  select a.image_id, exists (select from unnest(v_outcomes) o where o.image_id = a.image_id and o.claim_no = a.claim_no)
    from unnest(v_all) a;
end
$$;
comment on function likeness.finish_images(text, jsonb) is
  'The one transaction that makes results visible: blob stored, image completed, retried or failed, history, run and host counts, NOTIFY likeness_finished. Outcomes whose claim was lost change nothing and come back as not accepted, as do those whose bytes were deleted meanwhile, which are queued again.';
