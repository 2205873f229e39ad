create or replace view likeness.eta as
select s.scope, s.run_id, s.remaining, round(s.per_minute::numeric, 1) as per_minute,
       case when s.remaining > 0 and s.per_minute > 0 and s.paused_host is null and not q.is_paused
         then greatest(likeness.clock() + least(interval '1 year', make_interval(secs => s.remaining / s.per_minute * 60)), s.last_due_at) end as done_at,
       case when s.remaining = 0 then 'Nothing waits.'
            when q.is_paused then 'The queue is paused: select likeness.resume_queue();'
            when s.paused_host is not null then format('What waits for %s is paused: select likeness.resume_host(%L);', s.paused_host, s.paused_host)
            when s.first_due_at is not null
              then format('Nothing is due before %s: select * from likeness.host_backlog;', likeness.tell_time(s.first_due_at, likeness.clock()))
            when coalesce(s.per_minute, 0) > 0 then null
            when s.run_id is not null then 'Nothing of it was settled yet: select * from likeness.host_backlog;'
            else 'Nothing was settled in the last minutes: select * from likeness.worker_status;' end as hint
  from likeness.queue_control q
 cross join (
   (select 'queue' as scope, null::bigint as run_id, w.due + w.later + w.in_hand as remaining,
           t.settled / nullif(extract(epoch from likeness.clock() - t.since_at) / 60, 0)::double precision as per_minute,
           h.paused_host, greatest(w.last_retry_at, h.last_unblocked_at) as last_due_at,
           case when w.in_hand = 0 and not h.has_due then least(w.first_retry_at, h.first_unblocked_at) end as first_due_at
      from (select sum(m.stored + m.reused + m.failed) as settled, min(m.minute_at) as since_at
              from likeness.worker_minutes m
             where m.minute_at > likeness.clock() - interval '6 minutes') t
     cross join (
       -- Each count has an index of its own: none reads what is completed.
       select (select count(*) from likeness.images i where i.queued_at is not null and i.retry_at is null) as due,
              r.later, r.first_retry_at, r.last_retry_at,
              (select count(*) from likeness.images i where i.claimed_by is not null) as in_hand
         from (select count(*) as later, min(i.retry_at) as first_retry_at, max(i.retry_at) as last_retry_at
                 from likeness.images i
                where i.retry_at is not null) r) w
     cross join (
       select min(o.host) filter (where o.paused) as paused_host,
              min(o.blocked_until) filter (where o.is_blocked) as first_unblocked_at,
              max(o.blocked_until) filter (where o.is_blocked) as last_unblocked_at,
              coalesce(bool_or(not o.paused and not o.is_blocked), false) as has_due
         from (select g.host, g.paused, g.blocked_until, not g.paused and coalesce(g.blocked_until > likeness.clock(), false) as is_blocked
                 from likeness.hosts g
                where exists (select from likeness.images i where i.host_id = g.id and i.queued_at is not null and i.retry_at is null)) o) h)
    union all
   -- By its own counts: run_status rounds, and a run of slow hosts to nothing.
   (select 'run ' || r.id, r.id, r.wanted - r.stored - r.reused - r.failed,
           ((r.stored + r.reused + r.failed) / nullif(extract(epoch from likeness.clock() - r.started_at) / 60, 0))::double precision, h.paused_host,
           greatest(h.last_unblocked_at, (select max(i.retry_at) from likeness.images i where i.run_id = r.id and i.retry_at is not null)), null
      from likeness.runs r
     -- Of the hosts that rest alone, which are few, it is asked whether the run waits for them.
     cross join lateral (
       select min(g.host) filter (where g.paused) as paused_host, max(g.blocked_until) filter (where not g.paused) as last_unblocked_at
         from likeness.hosts g
        where (g.paused or g.blocked_until > likeness.clock())
          and exists (select from likeness.images i where i.host_id = g.id and i.queued_at is not null and i.retry_at is null and i.run_id = r.id)) h
     where r.status = 'running'
     order by r.id)) s;
comment on view likeness.eta is 'When the queue and each running run will be done: the queue at the pace of the last minutes, a run at its own pace so far. host_backlog says which host takes longest.';
comment on column likeness.eta.scope is 'queue, or the run.';
comment on column likeness.eta.run_id is 'The run; null for the queue.';
comment on column likeness.eta.remaining is 'Pictures waiting or in hand.';
comment on column likeness.eta.per_minute is 'Pictures settled per minute.';
comment on column likeness.eta.done_at is 'When it will be done at this pace, and not before the last host that rests and the last retry; null where nothing is being settled, the queue is paused, or some of it waits for a host that is paused.';
comment on column likeness.eta.hint is 'Why there is no time or not a sooner one, and what to do.';
