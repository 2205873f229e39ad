create or replace view likeness.garbage_backlog as
select case when b.is_deleting then 'deleting' when b.status = 'condemned' then 'condemned' else 'half stored' end as state,
       count(*) as blobs,
       sum(case when b.has_original then coalesce(b.bytes, 0) else 0 end
           + (select coalesce(sum((r ->> 'bytes')::bigint), 0) from jsonb_array_elements(b.renditions) r))::bigint as bytes,
       min(coalesce(b.condemned_at, b.storing_expires_at)) as oldest_at
  from likeness.blobs b
 where b.status = 'condemned' or (b.status = 'storing' and b.storing_expires_at <= likeness.clock())
 group by 1
 order by 1;
comment on view likeness.garbage_backlog is 'Bytes that garbage collection will delete, or has begun to.';
comment on column likeness.garbage_backlog.state is 'condemned (deleted after the grace period unless wanted again), half stored (by a worker that died) or deleting.';
comment on column likeness.garbage_backlog.blobs is 'How many.';
comment on column likeness.garbage_backlog.bytes is 'Bytes of their objects, as far as known.';
comment on column likeness.garbage_backlog.oldest_at is 'Since when the oldest waits.';
