create or replace view likeness.queue_stuck as
select i.id as image_id, i.status, i.claimed_by, i.claim_expires_at, i.queued_at, i.retry_at, h.host,
       case when i.claimed_by is not null then 'its claim ran out and nobody took it back'
            when q.is_paused then 'the whole queue is paused' || coalesce(': ' || q.reason, '')
            when h.paused then 'its host is paused'
            when h.blocked_until > likeness.clock() then 'its host is blocked: ' || h.blocked_reason
            else 'it waits longer than an hour' end as why,
       case when i.claimed_by is not null then 'Is a worker running? likeness worker; or select likeness.requeue_expired();'
            when q.is_paused then 'select likeness.resume_queue();'
            when h.paused or h.blocked_until > likeness.clock() then format('select likeness.resume_host(%L);', h.host)
            else 'Are enough workers running? See worker_status and throughput.' end as hint
  from likeness.images i
  join likeness.hosts h on h.id = i.host_id
 cross join likeness.queue_control q
 where (i.claimed_by is not null and i.claim_expires_at < likeness.clock())
    or (i.queued_at < likeness.clock() - interval '1 hour' and i.retry_at is null);
comment on view likeness.queue_stuck is 'Pictures that should have moved and did not, why, and what to do.';
comment on column likeness.queue_stuck.image_id is 'The picture.';
comment on column likeness.queue_stuck.status is 'Its status.';
comment on column likeness.queue_stuck.claimed_by is 'Worker that holds it.';
comment on column likeness.queue_stuck.claim_expires_at is 'When its claim ran or runs out.';
comment on column likeness.queue_stuck.queued_at is 'Since when it waits.';
comment on column likeness.queue_stuck.retry_at is 'When it is tried again.';
comment on column likeness.queue_stuck.host is 'Where it comes from.';
comment on column likeness.queue_stuck.why is 'Why it does not move.';
comment on column likeness.queue_stuck.hint is 'What to do.';
