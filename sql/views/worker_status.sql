create or replace view likeness.worker_status as
select w.name || '/' || w.id as worker,
       case when w.status = 'stopped' then 'stopped'
            when w.seen_at < likeness.clock() - interval '2 minutes' then 'lost'
            when w.drain_asked_at is null then 'running'
            when c.in_hand > 0 then 'draining' else 'drained' end as status,
       c.in_hand, coalesce(m.settled, 0) as last_minute, w.finished + coalesce(m.finished, 0) as finished, w.started_at, w.seen_at, c.longest_at, w.drain_asked_at, w.stopped_at, w.version
  from likeness.workers w
 cross join lateral (
   select count(*) as in_hand, min(i.updated_at) as longest_at from likeness.images i where i.claimed_by = w.name || '/' || w.id) c
  left join (
    select t.worker, sum(t.stored + t.reused + t.failed + t.retried)::bigint as finished,
           sum(t.stored + t.reused + t.failed) filter (where t.minute_at = date_trunc('minute', likeness.clock() - interval '1 minute')) as settled
      from likeness.worker_minutes t
     group by t.worker) m on m.worker = w.name || '/' || w.id
 where w.status = 'running' or w.seen_at > likeness.clock() - interval '1 day'
 order by w.status, w.id;
comment on view likeness.worker_status is 'Which workers run, what they have in hand, and which are lost. Those that stopped stay for a day.';
comment on column likeness.worker_status.worker is 'The name it claims under.';
comment on column likeness.worker_status.status is 'running, draining (claims nothing more), drained (and has nothing in hand), lost (no heartbeat for 2 minutes) or stopped.';
comment on column likeness.worker_status.in_hand is 'Pictures in hand.';
comment on column likeness.worker_status.last_minute is 'Pictures settled in the last full minute.';
comment on column likeness.worker_status.finished is 'Claims finished since it started.';
comment on column likeness.worker_status.started_at is 'When it started.';
comment on column likeness.worker_status.seen_at is 'Last heartbeat.';
comment on column likeness.worker_status.longest_at is 'Since when it has had the oldest of them in hand.';
comment on column likeness.worker_status.drain_asked_at is 'Since when it shall claim nothing more.';
comment on column likeness.worker_status.stopped_at is 'When it stopped.';
comment on column likeness.worker_status.version is 'Version of the program.';
