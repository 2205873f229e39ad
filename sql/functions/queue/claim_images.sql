create or replace function likeness.claim_images(worker text, batch int default 16, lease interval default '60 seconds', per_host int default 16)
returns table (
  image_id bigint, claim_no int, is_suspect boolean, attempts smallint, host text, fetch_url text, supplier_id bigint, sku text,
  request_headers jsonb, allowed_hosts text[], allowed_ports int[], formats text[], etag text, last_modified text, source_bytes bigint,
  allowed_schemes text[], username text, password text, credential_hosts text[], head_first boolean
)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_hosts bigint[] := '{}';
  v_more bigint[];
  v_slots int;
  v_share int;
  v_reserved int;
begin
  if batch < 1 or lease <= interval '0' then
    raise exception 'claim_images needs batch >= 1 and lease > 0, not % and %', batch, lease using errcode = 'LK004';
  end if;
  if likeness.is_draining(claim_images.worker) or exists (select from likeness.queue_control q where q.is_paused) then
    return;
  end if;
  -- First level: lock hosts that may be called now, best class first. NO KEY UPDATE, because the KEY SHARE
  -- lock that a long bulk insert holds through its foreign key would hide a host from FOR UPDATE.
  for v_class in reverse 3..0 loop
    select array_agg(q.id) into v_more
      from (select h.id
              from likeness.hosts h
             where h.best_priority = v_class and h.ready_at <= v_now and not h.paused
             order by h.ready_at, h.id
             limit batch - cardinality(v_hosts)
               for no key update skip locked) q;
    v_hosts := v_hosts || coalesce(v_more, '{}');
    exit when cardinality(v_hosts) >= batch;
  end loop;
  if v_hosts = '{}' then
    return;
  end if;
  -- Every host that wants pictures soon, or has some in hand and more behind them, has an equal share of this
  -- worker's slots, less where its own limit is lower: a host that answers slowly would hold them all in the end.
  v_slots := batch + (select count(*) from likeness.images i where i.claimed_by = worker);
  with sharing as (
    (select h.id from likeness.hosts h
      where h.ready_at is not null and not h.paused and h.best_priority between 0 and 3 and h.ready_at <= v_now + interval '1 second'
      limit v_slots)
    union
    select i.host_id from likeness.images i join likeness.hosts h on h.id = i.host_id and h.parked_for is distinct from 'empty'
     where i.claimed_by = worker
    union
    select unnest(v_hosts)
  ),
  share as (select ceil(v_slots::numeric / count(*))::int as slots from sharing)
  select s.slots, (select sum(least(s.slots, case when h.consecutive_faults >= 5 then 1 else h.max_in_flight end)) from sharing join likeness.hosts h using (id))
    into v_share, v_reserved
    from share s;

  -- Second level, a new statement: its snapshot is taken after the host locks, so that the count of
  -- pictures in hand is exact and no counter can drift.
  return query
  with host as materialized (
    select h.id, h.host, h.min_interval, o.turn, l.in_flight, m.cap,
           greatest(0, least(batch, m.cap - l.in_flight, case when h.min_interval > interval '0' then 1 else per_host end,
                             greatest(v_share, v_slots - v_reserved + least(v_share, m.cap)) - l.in_hand)) as room
      from unnest(v_hosts) with ordinality o (id, turn)
      join likeness.hosts h using (id)
     cross join lateral (select case when h.consecutive_faults >= 5 then 1 else h.max_in_flight end::int as cap) m
     cross join lateral (
       select count(*)::int as in_flight, (count(*) filter (where f.claimed_by = worker))::int as in_hand
         from likeness.images f
        where f.host_id = h.id and f.claimed_by is not null) l
  ),
  due as materialized (
    select h.id as host_id, h.turn, d.id, row_number() over (partition by h.id order by d.priority desc, d.queued_at, d.id) as rank
      from host h
     cross join lateral (
       select i.id, i.priority, i.queued_at
         from likeness.images i
        where i.host_id = h.id and i.queued_at is not null and i.retry_at is null
        order by i.priority desc, i.queued_at, i.id
        limit h.room
          for update skip locked) d
  ),
  taken as materialized (
    select d.id, d.host_id from due d order by d.rank, d.turn limit batch
  ),
  rest as materialized (
    select h.id, h.cap, h.in_flight, h.min_interval, g.got,
           -- What is left behind decides whether the host stays claimable.
           (select i.priority
              from likeness.images i
             where i.host_id = h.id and i.queued_at is not null and i.retry_at is null
             order by i.priority desc, i.queued_at, i.id
            offset g.got limit 1) as next_priority
      from host h
     cross join lateral (select count(*)::int as got from taken t where t.host_id = h.id) g
  ),
  parked as (
    update likeness.hosts h
       set next_slot_at = case when r.got > 0 then v_now + r.min_interval * (1 + 0.2 * random()) else h.next_slot_at end,
           best_priority = coalesce(r.next_priority, h.best_priority),
           ready_at = case when r.next_priority is null or r.in_flight + r.got >= r.cap then null
                           -- It has its share: others come first for a while.
                           when r.got = 0 then greatest(h.ready_at, v_now + interval '100 milliseconds')
                           else greatest(v_now + r.min_interval, h.blocked_until) end,
           parked_for = case when r.next_priority is null then 'empty'
                             when r.in_flight + r.got >= r.cap then 'limit' end
      from rest r
     where h.id = r.id
  ),
  claimed as (
    update likeness.images i
       set status = 'processing', queued_at = null, claimed_by = worker, claim_expires_at = v_now + lease,
           claim_no = i.claim_no + 1, updated_at = v_now
      from taken t
     where i.id = t.id
    returning i.*
  )
  select c.id, c.claim_no, c.is_suspect, c.attempts, h.host, c.fetch_url, s.id, p.sku,
         likeness.fill_headers(s.request_headers, p.product_url, p.sku), s.allowed_hosts, s.allowed_ports, s.formats,
         case when c.blob_sha256 is not null then c.source_etag end,
         case when c.blob_sha256 is not null then c.source_last_modified end, c.source_bytes,
         s.allowed_schemes, k.username, k.password, k.hosts,
         -- A question costs one more round trip: it saves a transfer that is known to be long, or that was too long for the last claim.
         coalesce(c.source_bytes >= 1000000 and c.blob_sha256 is not null or c.failure_reason in ('deadline', 'truncated-body'), false)
    from claimed c
    join host h on h.id = c.host_id
    left join likeness.products p on p.id = c.product_id
    left join likeness.suppliers s on s.id = p.supplier_id
    left join likeness.supplier_credentials k on k.supplier_id = s.id;
end
$$;
comment on function likeness.claim_images(text, int, interval, int) is
  'Leases up to batch pictures to a worker, breadth first over hosts, best priority then oldest first. Never above a host''s limits, nor above its share of the worker''s slots while others want some; never reads the rows of a host that may not be called.';
