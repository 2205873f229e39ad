create or replace view likeness.alert_measures as
-- Each reads a few pages, or a count that is cut off far above any threshold.
select 'pending' as rule, '' as subject, w.images::double precision as value,
       -- So many have waited for so long: then it was too much all that time.
       case when w.old > r.threshold then likeness.clock() - r.lasting end as evident_since_at
  from likeness.alert_rules r
 cross join lateral (
   select count(*) as images, count(*) filter (where q.queued_at <= likeness.clock() - r.lasting) as old
     from (select i.queued_at
             from likeness.images i
            where i.queued_at is not null and i.retry_at is null and not i.is_check
            limit 50000) q) w
 where r.rule = 'pending'
 union all
select 'failed-share', '', f.failed::double precision / nullif(f.total, 0), null
  from (select (select count(*) from likeness.images i where i.status = 'failed') as failed,
               case when c.reltuples > 200000 then c.reltuples::bigint else (select count(*) from likeness.images i) end as total
          from pg_class c
         where c.oid = 'likeness.images'::regclass) f
 where f.total >= 20
 union all
select 'failing-now', '', m.failed::double precision / nullif(m.settled, 0), null
  from (select sum(y.failed) as failed, sum(y.stored + y.reused + y.failed) as settled
          from likeness.worker_minutes y
         where y.minute_at > likeness.clock() - interval '1 hour') m
 where m.settled >= 20
 union all
select 'processing', '', coalesce(extract(epoch from likeness.clock() - min(i.updated_at)) / 60, 0), null
  from likeness.images i
 where i.claimed_by is not null
 union all
select 'storage', '', u.bytes::double precision / u.quota_bytes, null
  from likeness.storage_usage u
 where u.quota_bytes is not null
 union all
select 'breaker', h.host, h.consecutive_faults, null
  from likeness.hosts h
 where h.consecutive_faults > 0 and h.last_fault_at > likeness.clock() - interval '1 day'
 union all
select 'freshness', '', greatest(0, extract(epoch from likeness.clock() - min(f.next_check_at)) / 3600), null
  from likeness.image_freshness f
 where f.next_check_at is not null
 union all
select 'garbage', '', coalesce(greatest(0, extract(epoch from likeness.clock() - min(b.condemned_at) - u.garbage_grace) / 86400), 0), null
  from likeness.storage_usage u
  left join likeness.blobs b on b.status = 'condemned'
 group by u.garbage_grace
 union all
select 'periodic-overdue', t.task, greatest(0, extract(epoch from likeness.clock() - t.next_run_at) / 60), null
  from likeness.periodic_tasks t
 where not exists (select from likeness.periodic_runs y where y.task = t.task and y.status = 'running' and y.started_at > likeness.clock() - interval '1 hour')
 union all
select 'periodic-failing', t.task, coalesce(y.failed, 0), null
  from likeness.periodic_tasks t
 cross join lateral (
   -- Failed runs since the last that did not.
   select min(z.turn) filter (where z.status not in ('failed', 'lost')) - 1 as before_success, count(*) as seen,
          coalesce(min(z.turn) filter (where z.status not in ('failed', 'lost')) - 1, count(*)) as failed
     from (select l.status, row_number() over (order by l.id desc) as turn
             from likeness.periodic_runs l
            where l.task = t.task and l.status <> 'running'
            order by l.id desc
            limit 10) z) y
 union all
select 'webhooks', '', count(*), null
  from likeness.webhook_deliveries d
 where d.status = 'failed' and d.finished_at > likeness.clock() - interval '1 day';
comment on view likeness.alert_measures is 'What alerts are about, measured now. Cheap with any number of pictures.';
comment on column likeness.alert_measures.rule is 'The measure: a row of alert_rules.';
comment on column likeness.alert_measures.subject is 'What of: a host, a task; empty: the whole system.';
comment on column likeness.alert_measures.value is 'What it is now, in the unit of its rule.';
comment on column likeness.alert_measures.evident_since_at is 'Since when it is known to have been too much, where that can be seen without having watched.';
