create or replace function likeness.backfill_images(
  dry_run boolean default false, supplier text default null, per_wave int default null, every interval default '1 day', most_waves int default 30
)
returns table (
  wave int, starts_at timestamptz, done_at timestamptz, products int, images int, best_priority smallint, per_minute numeric, basis text, run_id bigint
)
language plpgsql
volatile parallel unsafe
set search_path = ''
set work_mem = '64MB'
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_measured double precision;
  v_images bigint[];
  v_wave_images bigint[];
  v_waves int;
  v_host_seconds double precision;
  v_seconds double precision;
begin
  if coalesce(per_wave, 1) < 1 or every <= interval '0' or most_waves < 1 then
    raise exception 'backfill_images needs per_wave >= 1, every > 0 and most_waves >= 1' using errcode = 'LK004';
  end if;
  if supplier is not null and not exists (select from likeness.suppliers s where s.name = backfill_images.supplier) then
    raise exception 'there is no supplier "%"', supplier using errcode = 'LK002', hint = 'select name from likeness.suppliers;';
  end if;
  -- The pace of the minutes in which anything was settled: idle ones say nothing about how fast it goes.
  select sum(m.stored + m.reused + m.failed)::double precision / nullif(count(distinct m.minute_at), 0) into v_measured
    from likeness.worker_minutes m
   where m.minute_at > v_now - interval '7 days' and m.stored + m.reused + m.failed > 0;
  per_wave := coalesce(per_wave, greatest(1000, least(1000000, 0.8 * v_measured * extract(epoch from every) / 60))::int, 10000);

  -- First pictures before further ones, so that as many products as possible have one as early as possible.
  select array_agg(c.id order by c.priority desc, c.position, c.product_id, c.id) into v_images
    from (
      select i.id, i.product_id, i.position, greatest(s.priority, d.priority) as priority
        from likeness.images i
        join likeness.products p on p.id = i.product_id and p.status = 'active'
        join likeness.datasets d on d.id = p.dataset_id and d.status = 'active'
        join likeness.suppliers s on s.id = p.supplier_id
       where i.blob_sha256 is null and i.queued_at is null and i.claimed_by is null
         and (i.status = 'pending'
              -- A person looks at these first: the same attempt would end the same way.
              or (i.status = 'failed' and i.failure_reason not in ('poison', 'purged', 'placeholder', 'relative-url-without-prefix', 'bad-url')))
         and (backfill_images.supplier is null or s.name = backfill_images.supplier)
         -- A product that shares pictures has some, or those that it shares are in here.
         and (p.canonical_product_id is null or not likeness.is_spared(p.id))
         and not exists (
           select
             from likeness.images o
            where o.blob_sha256 is not null and (o.product_id = p.id or o.canonical_product_id = p.canonical_product_id))
       order by 4 desc, i.position, i.product_id, i.id
       limit per_wave::bigint * most_waves) c;
  v_waves := ceil(coalesce(cardinality(v_images), 0)::numeric / per_wave);
  done_at := v_now;
  for v_wave in 1 .. v_waves loop
    v_wave_images := v_images[(v_wave - 1) * per_wave + 1 : v_wave * per_wave];
    wave := v_wave;
    starts_at := v_now + (v_wave - 1) * every;
    images := cardinality(v_wave_images);
    select count(distinct i.product_id), max(greatest(s.priority, d.priority)) into products, best_priority
      from likeness.images i
      join likeness.products p on p.id = i.product_id
      join likeness.datasets d on d.id = p.dataset_id
      join likeness.suppliers s on s.id = p.supplier_id
     where i.id = any(v_wave_images);
    -- The slowest host, by its own limits and its usual latency.
    select max(u.images * greatest(extract(epoch from coalesce(h.min_interval, u.min_interval)),
                                   coalesce(h.latency_ms, 0) / 1000 / coalesce(h.max_in_flight, 1)))
      into v_host_seconds
      from (select a.host, count(*) as images, max(a.min_interval) as min_interval
              from likeness.image_addresses(v_wave_images) a
             where a.host is not null
             group by a.host) u
      left join likeness.hosts h on h.host = u.host;
    v_seconds := greatest(images / nullif(v_measured, 0) * 60, v_host_seconds, 1);
    basis := case when v_measured is null then 'limits of the hosts: no rate was measured in the last 7 days'
                  when v_host_seconds >= v_seconds then 'the slowest host' else 'measured rate' end;
    per_minute := round((images / v_seconds * 60)::numeric, 1);
    done_at := greatest(done_at, starts_at) + make_interval(secs => v_seconds);
    run_id := null;
    if not dry_run then
      insert into likeness.runs (label)
      values (format('backfill %s, wave %s of %s', to_char(v_now at time zone 'UTC', 'YYYY-MM-DD'), v_wave, v_waves))
      returning id into run_id;
      perform likeness.queue_images(v_wave_images, 0::smallint, run_id);
      if v_wave > 1 then
        update likeness.images i
           set retry_at = backfill_images.starts_at
         where i.id = any(v_wave_images) and i.queued_at is not null;
      end if;
    end if;
    return next;
  end loop;
end
$$;
comment on function likeness.backfill_images(boolean, text, int, interval, int) is
  'Queues the pictures of all active products that have none, in waves: best priority class and first pictures first, the first wave now and another every day. Says when each will be done at the measured rate and the limits of the hosts; with dry_run it only says so. Whoever looks at a product of a later wave gets its picture at once. Idempotent: what waits already is left out.';
