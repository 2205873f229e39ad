create or replace view likeness.throughput as
select m.minute_at, sum(m.stored + m.reused + m.failed) as settled,
       sum(m.stored) as stored, sum(m.reused) as reused, sum(m.failed) as failed, sum(m.retried) as retried,
       count(*) as workers, pg_size_pretty(sum(m.bytes)) as fetched
  from likeness.worker_minutes m
 group by m.minute_at
 order by m.minute_at desc;
comment on view likeness.throughput is 'What was done in each minute, over all workers, newest first. Minutes in which nothing ended are left out.';
comment on column likeness.throughput.minute_at is 'The beginning of the minute; the first row''s is still running.';
comment on column likeness.throughput.settled is 'Pictures completed or failed for good.';
comment on column likeness.throughput.stored is 'Completed with new bytes.';
comment on column likeness.throughput.reused is 'Completed with bytes known already.';
comment on column likeness.throughput.failed is 'Failed for good.';
comment on column likeness.throughput.retried is 'Failed, and tried again later.';
comment on column likeness.throughput.workers is 'Workers that finished something.';
comment on column likeness.throughput.fetched is 'Bytes fetched.';
