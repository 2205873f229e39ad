create or replace view likeness.rendition_backlog as
select case when q.status = 'failed' then 'failed'
            when q.claimed_by is not null then 'processing'
            when q.ready_at > likeness.clock() then 'retry later'
            else 'waiting' end as state,
       q.failure_reason, count(*) as blobs, min(q.queued_at) as oldest_queued_at, min(q.failure_text) as example
  from likeness.rendition_queue q
 group by 1, 2
 order by 3 desc;
comment on view likeness.rendition_backlog is 'What the second wave still has to look at, and what of it failed.';
comment on column likeness.rendition_backlog.state is 'waiting, processing, retry later or failed.';
comment on column likeness.rendition_backlog.failure_reason is 'Why the last attempt failed.';
comment on column likeness.rendition_backlog.blobs is 'How many.';
comment on column likeness.rendition_backlog.oldest_queued_at is 'Since when the first of them waits.';
comment on column likeness.rendition_backlog.example is 'One failure in its own words.';
