create or replace view likeness.failures_by_reason as
select i.failure_reason as reason, count(*) filter (where i.status = 'failed') as failed,
       count(*) filter (where i.status <> 'failed') as to_be_retried,
       max(i.updated_at) as last_at, r.meaning, r.hint, min(i.failure_text) as example
  from likeness.images i
  join likeness.failure_reasons r on r.code = i.failure_reason
 group by i.failure_reason, r.meaning, r.hint
 order by 2 desc;
comment on view likeness.failures_by_reason is 'Why pictures fail, most frequent first, and what to do about it.';
comment on column likeness.failures_by_reason.reason is 'Code of the reason.';
comment on column likeness.failures_by_reason.failed is 'Pictures failed for good.';
comment on column likeness.failures_by_reason.to_be_retried is 'Pictures that failed and will be tried again, or wait for it in line.';
comment on column likeness.failures_by_reason.last_at is 'When it last happened.';
comment on column likeness.failures_by_reason.meaning is 'What the code means.';
comment on column likeness.failures_by_reason.hint is 'What a person can do.';
comment on column likeness.failures_by_reason.example is 'One failure in its own words.';
