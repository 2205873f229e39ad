create or replace function likeness.queue_images(image_ids bigint[], priority int default 0, run_id bigint default null)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_ids bigint[];
  v_urls text[];
  v_names text[];
  v_priorities smallint[];
  v_hosts bigint[];
  v_queued int;
begin
  perform likeness.need_priority(queue_images.priority);
  if queue_images.run_id is not null and not exists (select from likeness.runs r where r.id = queue_images.run_id) then
    raise exception 'there is no run %', queue_images.run_id using errcode = 'LK002', hint = 'select run_id, label from likeness.run_status;';
  end if;
  -- The addresses are built once: of 100,000 pictures that is a second.
  select array_agg(a.image_id), array_agg(a.url), array_agg(a.host), array_agg(a.priority)
    into v_ids, v_urls, v_names, v_priorities
    from likeness.image_addresses(queue_images.image_ids) a;

  insert into likeness.hosts (host, max_in_flight, min_interval, limits_of)
  select distinct on (a.host) a.host, coalesce(a.max_in_flight, 2), coalesce(a.min_interval, '50 milliseconds'), a.supplier_id
    from likeness.image_addresses(array(
           select min(n.id) from unnest(v_ids, v_names) n (id, name) where n.name is not null group by n.name)) a
   where not exists (select from likeness.hosts h where h.host = a.host)
   order by a.host
  on conflict (host) do nothing;

  -- Lock order of sql/README.md. Whoever changes waiting pictures holds their host, so that the pictures
  -- themselves need no lock of their own first.
  select array_agg(l.id) into v_hosts
    from (select h.id
            from likeness.hosts h
           where h.host in (select distinct n.name from unnest(v_names) n (name))
           order by h.id
             for no key update) l;

  update likeness.images i
     set status = case when i.blob_sha256 is null then 'pending' else 'outdated' end,
         priority = greatest(queue_images.priority, a.priority, case when i.queued_at is not null then i.priority end),
         attempts = 0, worker_deaths = 0, is_suspect = false,
         failure_reason = null, failure_text = null,
         queued_at = coalesce(i.queued_at, v_now), retry_at = null,
         -- What an earlier run settled is its own no more; what it still waits for is.
         run_id = coalesce(queue_images.run_id, case when i.queued_at is not null and not i.is_check then i.run_id end),
         host_id = h.id, fetch_url = a.url, updated_at = v_now
    from unnest(v_ids, v_urls, v_names, v_priorities) a (id, url, name, priority)
    join likeness.hosts h on h.host = a.name
   where i.id = a.id and i.status <> 'processing';
  get diagnostics v_queued = row_count;

  with refused as (
    update likeness.images i
       set status = 'failed', queued_at = null, retry_at = null, updated_at = v_now,
           run_id = coalesce(queue_images.run_id, i.run_id),
           failure_reason = case when i.source_url ~* '^\s*([a-z][a-z0-9+.-]*:|//)' then 'bad-url' else 'relative-url-without-prefix' end,
           failure_text = case when i.source_url ~* '^\s*([a-z][a-z0-9+.-]*:|//)'
             then format('"%s" is not an http, https or ftp address', left(i.source_url, 200))
             else format('"%s" is a relative path and the dataset has no image_url_prefix', left(i.source_url, 200)) end
      from unnest(v_ids, v_names) a (id, name)
     where i.id = a.id and a.name is null and i.status in ('pending', 'outdated', 'failed')
    returning i.failure_reason
  )
  update likeness.runs r
     set wanted = r.wanted + v_queued + c.refused, failed = r.failed + c.refused,
         failed_by_reason = likeness.count_reasons(r.failed_by_reason, c.reasons),
         status = case when v_queued = 0 and r.wanted = r.stored + r.reused + r.failed then 'finished' else 'running' end,
         finished_at = case when v_queued = 0 and r.wanted = r.stored + r.reused + r.failed then v_now end
    from (select count(*)::int as refused, array_agg(f.failure_reason) as reasons from refused f) c
   where r.id = queue_images.run_id;

  perform likeness.wake_hosts(v_hosts);
  return v_queued;
end
$$;
comment on function likeness.queue_images(bigint[], int, bigint) is
  'Queues pictures to be fetched (afresh where they were completed or failed) and wakes the workers; returns how many wait now. Those without a usable address fail at once with the reason.';
