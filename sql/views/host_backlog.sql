create or replace view likeness.host_backlog as
select h.host, e.status, coalesce(w.waiting, 0) as waiting, coalesce(r.retry_later, 0) as retry_later, coalesce(c.in_hand, 0) as in_hand,
       w.best_priority, w.oldest_queued_at, case when h.ready_at is not null then greatest(h.ready_at, h.blocked_until) end as next_claim_at, r.next_retry_at,
       -- What its limits alone allow: one claim an interval, and as many at once as it may have in hand.
       coalesce(w.waiting, 0) * greatest(h.min_interval, make_interval(secs => coalesce(h.latency_ms, 0) / 1000 / h.max_in_flight)) as least_duration
  from likeness.hosts h
  left join (
    select i.host_id, count(*) as waiting, max(i.priority) as best_priority, min(i.queued_at) as oldest_queued_at
      from likeness.images i
     where i.queued_at is not null and i.retry_at is null
     group by i.host_id) w on w.host_id = h.id
  left join (
    select i.host_id, count(*) as retry_later, min(i.retry_at) as next_retry_at
      from likeness.images i
     where i.retry_at is not null
     group by i.host_id) r on r.host_id = h.id
  left join (
    select i.host_id, count(*) as in_hand
      from likeness.images i
     where i.claimed_by is not null
     group by i.host_id) c on c.host_id = h.id
  join likeness.host_health e on e.host = h.host
 where num_nonnulls(w.waiting, r.retry_later, c.in_hand) > 0
 order by 3 desc, 1;
comment on view likeness.host_backlog is 'What waits for which host, most first, and how long its limits alone make that take.';
comment on column likeness.host_backlog.host is 'The host.';
comment on column likeness.host_backlog.status is 'ready, idle, at its limit, between calls, blocked or paused.';
comment on column likeness.host_backlog.waiting is 'Pictures due now.';
comment on column likeness.host_backlog.retry_later is 'Pictures that failed and are tried again later.';
comment on column likeness.host_backlog.in_hand is 'Pictures in hand now.';
comment on column likeness.host_backlog.best_priority is 'Best priority class among those due.';
comment on column likeness.host_backlog.oldest_queued_at is 'Since when the first of them waits.';
comment on column likeness.host_backlog.next_claim_at is 'When it may be called next; null while it is at its limit or idle.';
comment on column likeness.host_backlog.next_retry_at is 'When the first retry is due.';
comment on column likeness.host_backlog.least_duration is 'How long those due take at least, by its interval, its limit and its usual latency.';
