create or replace function likeness.queue_checks(requests_percent double precision default 25, bytes_a_day bigint default 20000000000, most int default 5000)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_plan likeness.check_plan;
  v_days double precision;
  v_due bigint[];
  v_hosts bigint[];
  v_requests double precision;
  v_bytes double precision;
  v_queued int := 0;
begin
  if queue_checks.requests_percent is null or not (queue_checks.requests_percent >= 0 and queue_checks.requests_percent < 'infinity') then
    raise exception 'requests_percent must be a number of 0 or more, not %', coalesce(queue_checks.requests_percent::text, 'null') using errcode = 'LK004';
  end if;
  perform likeness.need_count('bytes_a_day', queue_checks.bytes_a_day, 0);
  perform likeness.need_count('most', queue_checks.most);
  select c.* into v_plan from likeness.check_plan c for no key update skip locked;
  if not found or exists (select from likeness.queue_control q where q.is_paused) then
    return 0;
  end if;
  if v_plan.planned_at is null then
    perform likeness.plan_checks(queue_checks.requests_percent, queue_checks.bytes_a_day);
    select c.* into v_plan from likeness.check_plan c;
  end if;
  perform likeness.revise_checks();
  -- Tokens grow evenly, so that the checks are spread over the day; a pause of more than two hours is not made up for.
  v_days := extract(epoch from v_now - coalesce(v_plan.paced_at, v_now - interval '2 hours')) / 86400;
  v_plan.request_tokens := least(v_plan.request_tokens + v_plan.requests_a_day * v_days, greatest(1, v_plan.requests_a_day / 12.0));
  v_plan.byte_tokens := least(v_plan.byte_tokens + v_plan.bytes_a_day * v_days, v_plan.bytes_a_day / 12.0);

  with due as materialized (
    -- Many more than may be asked, since the oldest are not always worth most; when tokens are left over, also those that are due next.
    (select f.*
       from likeness.image_freshness f
      where f.next_check_at <= case when v_plan.request_tokens > v_plan.requests_a_day / 24.0 then v_now + interval '6 hours' else v_now end
      order by f.next_check_at
      limit greatest(1000, least(queue_checks.most, ceil(greatest(0, v_plan.request_tokens)))::int * 8))
  ),
  worth as (
    select f.image_id, i.host_id, k.worth,
           case when v.trust = 'lying' or num_nonnulls(i.source_etag, i.source_last_modified) = 0 then 1 else 1 + likeness.audit_share(v.audits, v.proofs_since_lie, v.lies) end as requests,
           case when v.trust in ('lying', 'noisy') or num_nonnulls(i.source_etag, i.source_last_modified) = 0 then 1
                else least(1, 0.05 + likeness.audit_share(v.audits, v.proofs_since_lie, v.lies)) end * coalesce(i.source_bytes, 0) as bytes,
           -- A feed has told meanwhile that nothing happened: its time comes later.
           case when k.worth < 0.5 * v_plan.price and n.silent_days > 0 then greatest(1.0 / 24, e.days - n.elapsed_days) end as postponed_days
      from due f
      join likeness.images i on i.id = f.image_id
      join likeness.hosts h on h.id = i.host_id
      left join likeness.products p on p.id = i.product_id
      left join likeness.suppliers u on u.id = p.supplier_id
      left join likeness.datasets d on d.id = p.dataset_id
      left join likeness.supplier_rates r on r.supplier_id = p.supplier_id
      left join likeness.host_validators v on v.host_id = i.host_id
     cross join lateral likeness.news_look(f.checked_at, r, p.media_changed_at, v_now) n
     cross join lateral (
       select coalesce(r.shape, 0.2)::double precision + f.shape as shape, coalesce(r.days, 10) + f.quiet_days + n.silent_days as days,
              likeness.check_weight(f.viewed_at, greatest(u.priority, d.priority), v_now) as weight) g
     cross join lateral (
       select case when f.suspicion > 0 or n.silent_days > 0 then likeness.check_interval(g.shape, g.days, v_plan.price / g.weight) else 0 end as days
       offset 0) e
     cross join lateral (
       -- A picture that may have changed with its neighbour would stay wrong until its own time.
       select g.weight * (likeness.check_value(g.shape, g.days, n.elapsed_days) + f.suspicion * 0.5 * e.days) as worth) k
     where i.status = 'completed' and i.queued_at is null and i.uploaded_sha256 is null
       -- Pictures of products that left are looked at while others show them.
       and case when p.status <> 'active' then likeness.shows_for_others(p.id, v_now) else true end
       and not h.paused and (h.blocked_until is null or h.blocked_until <= v_now)
  ),
  postponed as (
    update likeness.image_freshness f
       set next_check_at = v_now + make_interval(secs => 86400 * w.postponed_days)
      from worth w
     where f.image_id = w.image_id and w.postponed_days is not null
  ),
  chosen as (
    select w.image_id, w.host_id, w.requests, w.bytes,
           sum(w.requests) over line as requests_so_far, sum(w.bytes) over line as bytes_so_far, row_number() over line as place
      from worth w
     where w.postponed_days is null
    window line as (order by w.worth desc, w.image_id rows unbounded preceding)
  )
  select array_agg(c.image_id), array_agg(distinct c.host_id), sum(c.requests), sum(c.bytes)
    into v_due, v_hosts, v_requests, v_bytes
    from chosen c
   where c.place <= queue_checks.most and c.requests_so_far <= v_plan.request_tokens
     and (c.bytes_so_far <= v_plan.byte_tokens or (c.place = 1 and v_plan.byte_tokens >= v_plan.bytes_a_day / 12.0));

  if v_due is not null then
    -- Lock order of sql/README.md.
    perform 1 from likeness.hosts h where h.id = any(v_hosts) order by h.id for no key update;
    with queued as (
      update likeness.images i
         set is_check = true, queued_at = v_now, retry_at = null, priority = 0, updated_at = v_now
       where i.id in (select l.id from likeness.images l where l.id = any(v_due) and l.status = 'completed' and l.queued_at is null order by l.id for no key update)
      returning i.id
    ),
    -- Its finish sets the next time; this one is for a check that is never finished.
    noted as (
      update likeness.image_freshness f set next_check_at = v_now + interval '1 day' where f.image_id in (select q.id from queued q)
    )
    select count(*)::int into v_queued from queued;
    perform likeness.wake_hosts(v_hosts);
  end if;
  -- What cannot be checked now (a host that is blocked, a picture that is fetched anyway) makes room for others.
  update likeness.image_freshness f
     set next_check_at = v_now + interval '1 hour'
    from likeness.images i
    left join likeness.hosts h on h.id = i.host_id
    left join likeness.products p on p.id = i.product_id
   where i.id = f.image_id
     and f.image_id in (select d.image_id from likeness.image_freshness d where d.next_check_at <= v_now order by d.next_check_at limit queue_checks.most)
     and (i.status <> 'completed' or i.queued_at is not null or i.uploaded_sha256 is not null or h.id is null or h.paused or h.blocked_until > v_now
          or (p.status <> 'active' and not likeness.shows_for_others(p.id, v_now)));
  update likeness.check_plan c
     set request_tokens = v_plan.request_tokens - coalesce(v_requests, 0), byte_tokens = v_plan.byte_tokens - coalesce(v_bytes, 0), paced_at = v_now;
  return v_queued;
end
$$;
comment on function likeness.queue_checks(double precision, bigint, int) is
  'Queues the checks that are due and worth most, as far as the budget reaches now; what they show stays as it is. Workers call it every few minutes; one at a time does the work. The first call makes the plan. Returns how many.';
