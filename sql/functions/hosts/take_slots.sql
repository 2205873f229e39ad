create or replace function likeness.take_slots(worker text, requests jsonb, heard jsonb default '[]', lag_seconds double precision default 0)
returns table (image_id bigint, answer text, wait_seconds double precision, window_seconds double precision, host_id bigint, request_no int)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_request record;
  v_host likeness.hosts;
  v_from bigint;
  v_left bigint[] := '{}';
  v_now timestamptz;
  v_spare interval;
  v_far timestamptz;
begin
  -- A redirect may lead to a host that no feed ever named.
  insert into likeness.hosts (host, max_in_flight, min_interval, limits_of)
  select distinct on (n.name) n.name, coalesce(s.host_max_in_flight, 2), coalesce(s.host_min_interval, '50 milliseconds'), s.id
    from jsonb_to_recordset(take_slots.requests) q (image_id bigint, url text)
   cross join lateral (select likeness.host_of_url(q.url) as name) n
    left join likeness.images i on i.id = q.image_id
    left join likeness.products p on p.id = i.product_id
    left join likeness.suppliers s on s.id = p.supplier_id
   where n.name is not null and not exists (select from likeness.hosts h where h.host = n.name)
   order by n.name
  on conflict (host) do nothing;
  -- Lock order of sql/README.md. Whoever changes a picture in hand holds its host.
  perform 1
     from likeness.hosts h
    where h.host in (select likeness.host_of_url(q.url) from jsonb_to_recordset(take_slots.requests) q (url text))
       or h.id in (select i.host_id from jsonb_to_recordset(take_slots.requests) q (image_id bigint) join likeness.images i on i.id = q.image_id)
       or h.id in (select a.host_id from jsonb_to_recordset(take_slots.heard) a (host_id bigint))
    order by h.id
      for no key update;
  v_now := likeness.clock();
  -- An answer proves that its request has arrived; from now on the interval is counted.
  update likeness.hosts h
     set unheard_until = case when h.request_no <> a.request_no then h.unheard_until end,
         next_request_at = case when h.request_no <> a.request_no then h.next_request_at
                                -- The slot was not used: it is the next one's at once.
                                when a.latency_ms is null then v_now
                                else v_now + h.min_interval * (1 + 0.1 * random()) end,
         -- Forgets slowly how quick a host once was.
         least_latency_ms = case when a.latency_ms is null then h.least_latency_ms else least(h.least_latency_ms * 1.01, a.latency_ms) end
    from (select distinct on (e.host_id) e.host_id, e.request_no, e.latency_ms
            from jsonb_to_recordset(take_slots.heard) e (host_id bigint, request_no int, latency_ms real)
           order by e.host_id, e.request_no desc) a
   where h.id = a.host_id;
  for v_request in
    select q.image_id, q.claim_no, likeness.host_of_url(q.url) as name
      from rows from (jsonb_to_recordset(take_slots.requests) as (image_id bigint, claim_no int, url text)) with ordinality q (image_id, claim_no, url, turn)
     order by q.turn
  loop
    image_id := v_request.image_id;
    wait_seconds := 0;
    window_seconds := null;
    request_no := null;
    select h.* into v_host from likeness.hosts h where h.host = v_request.name;
    host_id := v_host.id;
    select i.host_id into v_from
      from likeness.images i
     where i.id = v_request.image_id and i.claim_no = v_request.claim_no and i.claimed_by is not distinct from take_slots.worker;
    if not found or v_host.id is null then
      answer := 'lost';
      return next;
      continue;
    end if;
    if v_from <> v_host.id then
      -- A picture that is redirected counts where it is: it leaves the one host's limit and enters the other's.
      answer := case
        when v_host.paused or v_host.blocked_until > v_now then 'blocked'
        when (select count(*) from likeness.images f where f.host_id = v_host.id and f.claimed_by is not null)
             >= likeness.in_flight_limit(v_host.max_in_flight, v_host.consecutive_faults) then 'full' end;
      if answer is not null then
        wait_seconds := 0.25;
        return next;
        continue;
      end if;
      update likeness.images i set host_id = v_host.id where i.id = v_request.image_id;
      -- Its lease may end before all others that are in hand there.
      update likeness.hosts h set low_lease_at = null where h.id = v_host.id;
      v_left := v_left || v_from;
    end if;
    answer := 'go';
    if v_host.min_interval > interval '0' then
      -- Half of what is to spare is for sending late, half for arriving late. A worker that is held up gets more of both.
      v_spare := greatest(likeness.slot_window(v_host.min_interval), make_interval(secs => least(4 * take_slots.lag_seconds, 1)));
      -- What lies further ahead than it can was written before a clock was set back.
      v_far := v_now + v_host.min_interval * 1.25 + interval '6 seconds';
      wait_seconds := extract(epoch from greatest(
        case when v_host.unheard_until > v_now and v_host.unheard_until < v_far then v_now + interval '20 milliseconds' * (1 + random()) end,
        case when v_host.next_request_at < v_far then v_host.next_request_at end,
        v_now) - v_now);
      if wait_seconds > 0 then
        answer := 'wait';
      else
        window_seconds := extract(epoch from v_spare) / 2;
        update likeness.hosts h
           set next_request_at = v_now + (h.min_interval + v_spare) * (1 + 0.1 * random()), request_no = (h.request_no + 1) % 1000000000,
               -- A host that usually answers within the interval has done so before the next request, or is busy.
               unheard_until = case when coalesce(h.least_latency_ms, 0) < extract(epoch from h.min_interval) * 1000 then v_now + h.min_interval + interval '5 seconds' end
         where h.id = v_host.id
        returning h.request_no into request_no;
      end if;
    end if;
    return next;
  end loop;
  if v_left <> '{}' then
    perform likeness.unpark_hosts(v_left);
  end if;
end
$$;
comment on function likeness.take_slots(text, jsonb, jsonb, double precision) is
  'Before each request that a worker sends for a claimed picture ({image_id, claim_no, url}): go (send it within window_seconds of the question, else ask again; no window: at once), wait (ask again after wait_seconds), full or blocked (a redirect leads to another host, which may not be called now), or lost (the claim; send nothing). heard: the requests that were answered since ({host_id, request_no, latency_ms}; latency_ms null: never sent, its slot is free again); lag_seconds: how late the worker is of late.';
