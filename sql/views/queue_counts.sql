create or replace view likeness.queue_counts as
select s.state, s.images, s.is_estimate
  from (
    select c.waiting, c.retry_later, c.processing, c.failed, c.at_rest, c.outdated,
           case when t.is_big then greatest(t.estimate, c.waiting + c.retry_later + c.processing + c.failed + c.at_rest + c.outdated)
                else (select count(*) from likeness.images i) end as total, t.is_big
      from (select c.reltuples::bigint as estimate, c.reltuples > 200000 as is_big from pg_class c where c.oid = 'likeness.images'::regclass) t
     cross join (
       -- Each from a partial index that holds nothing else.
       select (select count(*) from likeness.images i where i.queued_at is not null and i.retry_at is null) as waiting,
              (select count(*) from likeness.images i where i.retry_at is not null) as retry_later,
              (select count(*) from likeness.images i where i.claimed_by is not null) as processing,
              (select count(*) from likeness.images i where i.status = 'failed') as failed,
              (select count(*) from likeness.images i where i.queued_at is null and i.status in ('pending', 'outdated') and i.status = 'pending') as at_rest,
              (select count(*) from likeness.images i where i.queued_at is null and i.status in ('pending', 'outdated') and i.status = 'outdated') as outdated) c) n
 cross join lateral (
   values ('waiting', n.waiting, false), ('retry later', n.retry_later, false), ('processing', n.processing, false), ('failed', n.failed, false),
          ('not queued', n.at_rest, false), ('outdated', n.outdated, false),
          ('completed', n.total - n.waiting - n.retry_later - n.processing - n.failed - n.at_rest - n.outdated, n.is_big)
 ) s (state, images, is_estimate);
comment on view likeness.queue_counts is 'queue_status at the cost of what moves: completed pictures are estimated where there are many. For those who ask every few seconds.';
comment on column likeness.queue_counts.state is 'As in queue_status; a completed picture whose source is being checked counts as waiting or processing.';
comment on column likeness.queue_counts.images is 'How many.';
comment on column likeness.queue_counts.is_estimate is 'By the statistics of the table.';
