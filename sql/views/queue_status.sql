create or replace view likeness.queue_status as
select case when i.is_check then 'completed'
            when i.status = 'pending' and i.queued_at is null then 'not queued'
            when i.retry_at is not null then 'retry later'
            when i.status in ('pending', 'outdated') and i.queued_at is not null then 'waiting'
            else i.status end as state,
       count(*) as images,
       min(i.queued_at) as oldest_queued_at,
       max(i.updated_at) as last_change_at
  from likeness.images i
 group by 1
 order by 2 desc;
comment on view likeness.queue_status is 'How many pictures are in which state.';
comment on column likeness.queue_status.state is 'waiting, retry later, processing, completed, outdated, failed, or not queued (a draft dataset or an inactive product).';
comment on column likeness.queue_status.images is 'How many.';
comment on column likeness.queue_status.oldest_queued_at is 'Since when the first of them waits.';
comment on column likeness.queue_status.last_change_at is 'When one of them last changed.';
