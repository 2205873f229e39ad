create or replace function likeness.plan_checks(requests_percent double precision default 25, bytes_a_day bigint default 20000000000, most int default 50000)
returns table (planned int, is_done boolean)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_plan likeness.check_plan;
  v_images int;
  v_last bigint;
begin
  if plan_checks.requests_percent is null or not (plan_checks.requests_percent >= 0 and plan_checks.requests_percent < 'infinity') then
    raise exception 'requests_percent must be a number of 0 or more, not %', coalesce(plan_checks.requests_percent::text, 'null') using errcode = 'LK004';
  end if;
  perform likeness.need_count('bytes_a_day', plan_checks.bytes_a_day, 0);
  perform likeness.need_count('most', plan_checks.most);
  -- One planner at a time; another that comes waits, and finds little left to do.
  select c.* into v_plan from likeness.check_plan c for no key update;
  if v_plan.planned_to = 0 then
    perform likeness.fit_supplier_rates();
    select count(*)::int into v_images from likeness.image_freshness;
    update likeness.check_plan c
       set requests_a_day = least(2147483647, greatest(100, ceil(v_images * plan_checks.requests_percent / 100)))::int,
           bytes_a_day = plan_checks.bytes_a_day,
           images = v_images, planned_at = v_now
    returning * into v_plan;
    -- Audits take more than one request a check: as many as they took lately.
    update likeness.check_plan c
       set price = likeness.find_check_price(
             v_plan.requests_a_day
             / coalesce((select sum(h.requests)::double precision / nullif(sum(h.checks), 0)
                           from likeness.check_hours h
                          where h.hour_at > v_now - interval '3 days'), 1.1))
    returning * into v_plan;
    delete from likeness.check_hours h where h.hour_at < v_now - interval '60 days';
  end if;
  with batch as materialized (
    select f.image_id
      from likeness.image_freshness f
     where f.image_id > v_plan.planned_to
     order by f.image_id
     limit plan_checks.most
  ),
  time as (
    select f.image_id,
           v_now - make_interval(secs => 86400 * n.elapsed_days) + make_interval(secs => 86400 * (0.9 + 0.2 * likeness.spread(f.image_id))
             * case when f.checks = 0 then likeness.spread(f.image_id) else 1 end
             * likeness.check_interval(coalesce(r.shape, 0.2) + f.shape, coalesce(r.days, 10) + f.quiet_days + n.silent_days,
                                       v_plan.price / likeness.check_weight(f.viewed_at, greatest(u.priority, d.priority), v_now))) as next_check_at
      from batch b
      join likeness.image_freshness f on f.image_id = b.image_id
      join likeness.images i on i.id = f.image_id
      left join likeness.products p on p.id = i.product_id
      left join likeness.suppliers u on u.id = p.supplier_id
      left join likeness.datasets d on d.id = p.dataset_id
      left join likeness.supplier_rates r on r.supplier_id = p.supplier_id
     cross join lateral likeness.news_look(f.checked_at, r, p.media_changed_at, v_now) n
  ),
  timed as (
    update likeness.image_freshness f
       set next_check_at = t.next_check_at
      from time t
     where f.image_id = t.image_id
       and (f.next_check_at is null
            -- Suspects and those that failed have a time of their own; what moves by little stays.
            or (f.suspicion = 0 and f.failed_checks = 0
                and abs(extract(epoch from t.next_check_at - f.next_check_at)) > 0.1 * extract(epoch from t.next_check_at - f.checked_at)))
    returning f.image_id
  )
  select (select count(*) from timed)::int, (select max(b.image_id) from batch b) into planned, v_last;
  update likeness.check_plan c set planned_to = coalesce(v_last, 0);
  is_done := v_last is null;
  return next;
end
$$;
comment on function likeness.plan_checks(double precision, bigint, int) is
  'The daily plan of the freshness checks, in steps of most pictures until is_done: fits change rates, finds the price at which the budget is spent, sets the time of each picture''s next check. The budget of requests is a share of the pictures, and at least 100 a day.';
