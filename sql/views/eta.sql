create or replace view likeness.eta as
select s.scope, s.run_id, s.remaining, round(s.per_minute::numeric, 1) as per_minute,
       case when s.remaining > 0 and s.per_minute > 0
         then likeness.clock() + least(interval '1 year', make_interval(secs => s.remaining / s.per_minute * 60)) end as done_at,
       case when s.remaining = 0 then 'Nothing waits.'
            when q.is_paused then 'The queue is paused: select likeness.resume_queue();'
            when coalesce(s.per_minute, 0) = 0 then 'Nothing was settled in the last minutes: select * from likeness.worker_status;' end as hint
  from likeness.queue_control q
 cross join (
   (select 'queue' as scope, null::bigint as run_id,
           -- Each count has an index of its own: none reads what is completed.
           (select count(*) from likeness.images i where i.queued_at is not null and i.retry_at is null)
           + (select count(*) from likeness.images i where i.retry_at is not null)
           + (select count(*) from likeness.images i where i.claimed_by is not null) as remaining,
           t.settled / nullif(extract(epoch from likeness.clock() - t.since_at) / 60, 0)::double precision as per_minute
      from (select sum(m.stored + m.reused + m.failed) as settled, min(m.minute_at) as since_at
              from likeness.worker_minutes m
             where m.minute_at > likeness.clock() - interval '6 minutes') t)
    union all
   (select 'run ' || r.run_id, r.run_id, r.remaining, r.per_second * 60
      from likeness.run_status r
     where r.status = 'running'
     order by r.run_id)) s;
comment on view likeness.eta is 'When the queue and each running run will be done: the queue at the pace of the last minutes, a run at its own pace so far. host_backlog says which host takes longest.';
comment on column likeness.eta.scope is 'queue, or the run.';
comment on column likeness.eta.run_id is 'The run; null for the queue.';
comment on column likeness.eta.remaining is 'Pictures waiting or in hand.';
comment on column likeness.eta.per_minute is 'Pictures settled per minute.';
comment on column likeness.eta.done_at is 'When it will be done at this pace; null where nothing is being settled.';
comment on column likeness.eta.hint is 'Why there is no time, and what to do.';
