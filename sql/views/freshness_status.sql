create or replace view likeness.freshness_status as
select f.images, f.never_checked, f.due, f.failing, f.oldest_seen_at, f.next_check_at,
       case when f.most_overdue_at < likeness.clock() then likeness.clock() - f.most_overdue_at else interval '0' end as lag,
       q.queued, d.checks as checks_a_day, d.requests, d.changed, d.failed, d.bytes,
       c.requests_a_day, c.bytes_a_day, round(c.price::numeric * 24, 2) as price_hours, c.planned_at,
       case when c.planned_at is null then 'Not planned yet: a worker does it within minutes.'
            when c.planned_at < likeness.clock() - interval '2 days' then 'No plan for two days: see periodic_work and LIKENESS_FRESHNESS_CRON.'
            when f.most_overdue_at < likeness.clock() - interval '2 days' then 'Checks are late: raise LIKENESS_FRESHNESS_REQUESTS_PERCENT, or see host_health for hosts that are blocked.'
            else 'Nothing to do.' end as hint
  from likeness.check_plan c
 cross join (
   select count(*) as images, count(*) filter (where t.checks = 0) as never_checked, count(*) filter (where t.next_check_at <= likeness.clock()) as due,
          count(*) filter (where t.failed_checks > 0) as failing, min(t.seen_at) as oldest_seen_at,
          min(t.next_check_at) filter (where t.next_check_at > likeness.clock()) as next_check_at,
          min(t.next_check_at) as most_overdue_at
     from likeness.image_freshness t) f
 cross join (select count(*) as queued from likeness.images i where i.is_check) q
 cross join (
   select coalesce(sum(h.checks), 0) as checks, coalesce(sum(h.requests), 0) as requests, coalesce(sum(h.changed), 0) as changed,
          coalesce(sum(h.failed), 0) as failed, coalesce(sum(h.bytes), 0) as bytes
     from likeness.check_hours h
    where h.hour_at > likeness.clock() - interval '24 hours') d;
comment on view likeness.freshness_status is 'Are the pictures still what their sources show? What is checked, what it costs, and how late it is: one row.';
comment on column likeness.freshness_status.images is 'Pictures that are checked.';
comment on column likeness.freshness_status.never_checked is 'Of these, those whose first check is to come.';
comment on column likeness.freshness_status.due is 'Whose time has come; they wait for the budget or for their host.';
comment on column likeness.freshness_status.failing is 'Whose last check had no answer: they are still shown.';
comment on column likeness.freshness_status.oldest_seen_at is 'When the bytes were fetched that are longest unseen.';
comment on column likeness.freshness_status.next_check_at is 'When the next one is due.';
comment on column likeness.freshness_status.lag is 'How long the latest one is overdue.';
comment on column likeness.freshness_status.queued is 'Checks that are queued or in hand.';
comment on column likeness.freshness_status.checks_a_day is 'Checks in the last 24 hours.';
comment on column likeness.freshness_status.requests is 'Requests that they took.';
comment on column likeness.freshness_status.changed is 'Of these checks, those that found other bytes.';
comment on column likeness.freshness_status.failed is 'Of these checks, those without an answer.';
comment on column likeness.freshness_status.bytes is 'Bytes that they fetched.';
comment on column likeness.freshness_status.requests_a_day is 'Budget of requests.';
comment on column likeness.freshness_status.bytes_a_day is 'Budget of bytes.';
comment on column likeness.freshness_status.price_hours is 'Hours of a wrong picture that a check must save to be made.';
comment on column likeness.freshness_status.planned_at is 'When the plan was last made.';
comment on column likeness.freshness_status.hint is 'What to do.';
