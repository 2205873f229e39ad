create or replace function likeness.claim_images(worker text, batch int default 16, lease interval default '60 seconds', per_host int default 16)
returns table (
  image_id bigint, claim_no int, is_suspect boolean, attempts smallint, host text, fetch_url text, supplier_id bigint, sku text,
  request_headers jsonb, allowed_hosts text[], allowed_ports int[], formats text[], etag text, last_modified text, source_bytes bigint,
  allowed_schemes text[], username text, password text, credential_hosts text[], head_first boolean, is_audit boolean
)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_hosts tid[] := '{}';
  v_ids bigint[] := '{}';
  v_host_caps int[] := '{}';
  v_more tid[];
  v_more_ids bigint[];
  v_more_caps int[];
  v_now_seconds double precision := extract(epoch from v_now);
  v_marks double precision[] := nullif(current_setting('likeness.low_water', true), '')::double precision[];
  v_lows timestamptz[];
  v_low timestamptz;
  v_near bigint[];
  v_near_caps int[];
  v_holding bigint[];
  v_caps int[];
  v_slots int;
  v_share int;
  v_reserved int;
begin
  -- A worker that dies keeps what it has in hand for as long as its lease.
  if batch is null or batch < 1 or lease is null or lease <= interval '0' or lease > interval '1 day' or per_host is null or per_host < 1 then
    raise exception 'claim_images needs batch >= 1, lease > 0 and at most 1 day, and per_host >= 1, not %, % and %', batch, lease, per_host using errcode = 'LK004';
  end if;
  if likeness.is_draining(claim_images.worker) or exists (select from likeness.queue_control q where q.is_paused) then
    return;
  end if;
  -- What look_at_queue() had ordered is being done: what is queued from now on may be ordered at once.
  update likeness.queue_control q
     set ordered_at = null
   where q.is_only_row = (select c.is_only_row from likeness.queue_control c where c.ordered_at is not null for no key update skip locked);
  -- First level: lock hosts that may be called now, best class first. NO KEY UPDATE, because the KEY SHARE
  -- lock that a long bulk insert holds through its foreign key would hide a host from FOR UPDATE.
  loop
    -- Each claim leaves a dead entry at the front of the hosts' index, and while a transaction stays open (a
    -- backup) none of them can go. So the session remembers, per class, a time before which no host lives:
    -- elements 1 to 4, in seconds; element 5 says since when it remembers. Whoever makes a host ready does so
    -- for now or later, so what it can miss was committed late, and that for 30 seconds at most.
    if v_marks[5] is null or v_marks[5] not between v_now_seconds - 30 and v_now_seconds then
      v_marks := array_fill('-infinity'::double precision, array[4]) || v_now_seconds || case when v_marks[5] is null then v_marks[6:7] end;
    end if;
    -- Of each class the first host that lives, be it locked or not.
    select array_agg(f.ready_at order by c.class), array_agg(greatest(v_marks[c.class + 1], extract(epoch from least(f.ready_at, v_now)) - 0.25) order by c.class)
           || v_marks[5:7]
      into v_lows, v_marks
      from generate_series(0, 3) c (class)
      left join lateral (
        select h.ready_at
          from likeness.hosts h
         where h.best_priority = c.class and h.ready_at >= to_timestamp(v_marks[c.class + 1]) and not h.paused
         order by h.ready_at
         limit 1) f on true;
    for v_class in reverse 3..0 loop
      continue when v_lows[v_class + 1] is null or v_lows[v_class + 1] > v_now;
      select array_agg(q.ctid), array_agg(q.id), array_agg(q.cap) into v_more, v_more_ids, v_more_caps
        from (select h.ctid, h.id, likeness.in_flight_limit(h.max_in_flight, h.consecutive_faults) as cap
                from likeness.hosts h
               where h.best_priority = v_class and h.ready_at between v_lows[v_class + 1] and v_now and not h.paused
               order by h.ready_at, h.id
               limit batch - cardinality(v_hosts)
                 for no key update skip locked) q;
      -- From here on the locked rows are addressed by their places: by its key, each would be sought among its dead versions.
      v_hosts := v_hosts || coalesce(v_more, '{}');
      v_ids := v_ids || coalesce(v_more_ids, '{}');
      v_host_caps := v_host_caps || coalesce(v_more_caps, '{}');
      exit when cardinality(v_hosts) >= batch;
    end loop;
    -- Whoever finds nothing looks again without memory, so that an idle worker misses nothing.
    exit when v_hosts <> '{}' or v_marks[5] = v_now_seconds;
    v_marks[5] := null;
  end loop;
  if v_hosts = '{}' then
    perform set_config('likeness.low_water', v_marks::text, false);
    return;
  end if;
  -- Every host that wants pictures soon, or has some in hand and more behind them, has an equal share of this
  -- worker's slots, less where its own limit is lower: a host that answers slowly would hold them all in the end.
  if v_marks[7] is distinct from hashtext(worker) then
    v_marks[6] := '-infinity';
    v_marks[7] := hashtext(worker);
  end if;
  -- The dead entries of what this worker has finished lie before the oldest that it has in hand: element 6 remembers that.
  select c.in_hand, c.host_ids, c.oldest_at into v_slots, v_holding, v_low from likeness.count_in_hand(worker, to_timestamp(v_marks[6])) c;
  v_marks[6] := greatest(v_marks[6], extract(epoch from coalesce(v_low, v_now + lease)) - 0.2);
  v_slots := v_slots + batch;
  select array_agg(n.id), array_agg(n.cap) into v_near, v_near_caps
    from (
      select f.id, f.cap
        from generate_series(0, 3) c (class)
       cross join lateral (
         select h.id, likeness.in_flight_limit(h.max_in_flight, h.consecutive_faults) as cap
           from likeness.hosts h
          where h.best_priority = c.class and h.ready_at between to_timestamp(v_marks[c.class + 1]) and v_now + interval '1 second' and not h.paused
          order by h.ready_at
          limit v_slots) f
       limit v_slots) n;
  select array_agg(u.cap) into v_caps
    from (
      select distinct on (w.id) w.cap
        from (
          select a.id, a.cap from unnest(v_ids || v_near, v_host_caps || v_near_caps) a (id, cap)
          union all
          select h.id, likeness.in_flight_limit(h.max_in_flight, h.consecutive_faults)
            from likeness.hosts h
           where h.id = any(array(select distinct g.id from unnest(v_holding) g (id) where g.id <> all(v_ids || coalesce(v_near, '{}'))))
             and h.parked_for is distinct from 'empty') w
       order by w.id) u;
  v_share := ceil(v_slots::numeric / cardinality(v_caps))::int;
  v_reserved := (select sum(least(v_share, c.cap)) from unnest(v_caps) c (cap));
  perform set_config('likeness.low_water',
                     case when cardinality(v_hosts) >= batch or v_marks[5] > v_now_seconds - 5 then v_marks::text else '' end, false);

  -- Second level, a new statement: its snapshot is taken after the host locks, so that the count of
  -- pictures in hand is exact and no counter can drift.
  return query
  with host as materialized (
    select h.id, h.ctid as place, h.host, h.min_interval, h.best_priority, o.turn, l.in_flight, l.lease_at, o.cap, w.holds, w.due_at, w.due_id,
           greatest(0, least(batch, o.cap - l.in_flight, case when h.min_interval > interval '0' then 1 else per_host end,
                             greatest(v_share, v_slots - v_reserved + least(v_share, o.cap)) - l.in_hand)) as room
      from unnest(v_hosts, v_host_caps) with ordinality o (place, cap, turn)
      join likeness.hosts h on h.ctid = o.place
     -- The dead entries of a host's pictures lie before those that live; the host remembers where, for 30 seconds.
     cross join lateral (select coalesce(h.low_known_at between v_now - interval '30 seconds' and v_now, false) as holds) k
     cross join lateral (
       select k.holds, case when k.holds then coalesce(h.low_due_at, '-infinity') else '-infinity' end as due_at, coalesce(h.low_due_id, 0) as due_id,
              case when k.holds then coalesce(h.low_lease_at, '-infinity') else '-infinity' end as lease_at
       offset 0) w
     cross join lateral (
       select count(*)::int as in_flight, (count(*) filter (where f.claimed_by = worker))::int as in_hand, min(f.claim_expires_at) as lease_at
         from likeness.images f
        where f.host_id = h.id and f.claimed_by is not null and f.claim_expires_at >= w.lease_at) l
  ),
  best as materialized (
    select h.id as host_id, h.host, h.turn, d.id, d.priority, d.queued_at
      from host h
     cross join lateral (
       select i.id, i.priority, i.queued_at
         from likeness.images i
        where i.host_id = h.id and i.queued_at is not null and i.retry_at is null
          and i.priority = h.best_priority and (i.queued_at, i.id) >= (h.due_at, h.due_id)
        order by i.queued_at, i.id
        limit h.room
          for update skip locked) d
  ),
  lower as materialized (
    select h.id as host_id, h.host, h.turn, d.id, d.priority, d.queued_at
      from host h
      left join (select b.host_id, count(*)::int as got from best b group by b.host_id) g on g.host_id = h.id
     cross join lateral (
       select i.id, i.priority, i.queued_at
         from likeness.images i
        where i.host_id = h.id and i.queued_at is not null and i.retry_at is null and i.priority < h.best_priority
        order by i.priority desc, i.queued_at, i.id
        limit h.room - coalesce(g.got, 0)
          for update skip locked) d
     where h.room > coalesce(g.got, 0)
  ),
  due as materialized (
    select d.host_id, d.host, d.turn, d.id, row_number() over (partition by d.host_id order by d.priority desc, d.queued_at, d.id) as rank
      from (select b.* from best b union all select l.* from lower l) d
  ),
  taken as materialized (
    select d.id, d.host_id, d.host, row_number() over (order by d.rank, d.turn) as turn from due d order by d.rank, d.turn limit batch
  ),
  rest as materialized (
    select h.place, h.cap, h.in_flight, h.min_interval, h.room, h.holds, h.best_priority, h.lease_at, coalesce(g.got, 0) as got,
           n.priority as next_priority, n.queued_at as next_queued_at, n.id as next_id
      from host h
      left join (select t.host_id, count(*)::int as got, array_agg(t.id) as ids from taken t group by t.host_id) g on g.host_id = h.id
      -- What is left behind decides whether the host stays claimable: the next of its class, else (and now and then) the best of all.
      left join likeness.images n on n.id = coalesce(
        (select i.id
           from likeness.images i
          where h.holds and i.host_id = h.id and i.queued_at is not null and i.retry_at is null
            and i.priority = h.best_priority and (i.queued_at, i.id) >= (h.due_at, h.due_id)
            and i.id <> all(coalesce(g.ids, '{}'))
          order by i.queued_at, i.id
          limit 1),
        (select i.id
           from likeness.images i
          where i.host_id = h.id and i.queued_at is not null and i.retry_at is null and i.id <> all(coalesce(g.ids, '{}'))
          order by i.priority desc, i.queued_at, i.id
          limit 1))
  ),
  parked as (
    update likeness.hosts h
       set next_slot_at = case when r.got > 0 then v_now + r.min_interval * (1 + 0.2 * random()) else h.next_slot_at end,
           best_priority = coalesce(r.next_priority, h.best_priority),
           ready_at = case when r.next_priority is null or r.in_flight + r.got >= r.cap then null
                           -- It has its share: others come first for a while.
                           when r.got = 0 and (r.room = 0 or r.next_priority = r.best_priority) then greatest(h.ready_at, v_now + interval '100 milliseconds')
                           else greatest(v_now + r.min_interval, h.next_request_at, h.blocked_until) end,
           parked_for = case when r.next_priority is null then 'empty'
                             when r.in_flight + r.got >= r.cap then 'limit' end,
           low_due_at = r.next_queued_at, low_due_id = r.next_id, low_lease_at = least(r.lease_at, v_now + lease),
           low_known_at = case when r.holds then h.low_known_at else v_now end
      from rest r
     where h.ctid = r.place
  ),
  claimed as (
    update likeness.images i
       set status = 'processing', queued_at = null, claimed_by = worker, claim_expires_at = v_now + lease,
           claim_no = i.claim_no + 1, updated_at = v_now
      from taken t
     where i.id = t.id
    returning i.id, i.claim_no, i.is_suspect, i.attempts, i.product_id, i.host_id, i.fetch_url, i.source_etag, i.source_last_modified,
              i.source_bytes, i.blob_sha256, i.mirrored_at, i.failure_reason, i.is_check, i.is_forced, t.host, t.turn
  )
  select c.id, c.claim_no, c.is_suspect, c.attempts, c.host, c.fetch_url, s.id, p.sku,
         case when s.request_headers = '{}' then s.request_headers else likeness.fill_headers(s.request_headers, p.product_url, p.sku) end, s.allowed_hosts, s.allowed_ports, s.formats,
         case when a.has_validators then c.source_etag end, case when a.has_validators then c.source_last_modified end, c.source_bytes,
         s.allowed_schemes, k.username, k.password, k.hosts,
         -- A question costs one more round trip: it saves a transfer that is known to be long, or that was too long for the last claim.
         coalesce(c.source_bytes >= 1000000 and a.has_validators or c.failure_reason in ('deadline', 'truncated-body'), false),
         -- "Not modified" is tested now and then by the bytes; where the feed says otherwise, until the host has proved honest.
         a.has_validators and case when c.is_check then a.is_audit else p.media_changed_at > c.mirrored_at and v.trust is distinct from 'honest' end
    from claimed c
    left join likeness.host_validators v on v.host_id = c.host_id
   cross join lateral (
     select c.blob_sha256 is not null and not c.is_forced and v.trust is distinct from 'lying' as has_validators,
            abs(hashtext(c.id || ' ' || c.claim_no)::bigint) % 1000 < 1000 * likeness.audit_share(v.audits, v.proofs_since_lie, v.lies) as is_audit) a
    left join likeness.products p on p.id = c.product_id
    left join likeness.suppliers s on s.id = p.supplier_id
    left join likeness.supplier_credentials k on k.supplier_id = s.id
   order by c.turn;
end
$$;
comment on function likeness.claim_images(text, int, interval, int) is
  'Leases up to batch pictures to a worker, breadth first over hosts, best priority then oldest first. Never above a host''s limits, nor above its share of the worker''s slots while others want some; never reads the rows of a host that may not be called.';
