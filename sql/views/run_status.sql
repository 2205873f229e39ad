create or replace view likeness.run_status as
select r.id as run_id, r.status, r.label, r.wanted, r.stored, r.reused, r.failed,
       r.wanted - r.stored - r.reused - r.failed as remaining, r.attempted, r.skipped,
       round((r.stored + r.reused + r.failed) / nullif(extract(epoch from coalesce(r.finished_at, likeness.clock()) - r.started_at), 0), 1) as per_second,
       r.started_at, r.finished_at, r.failed_by_reason
  from likeness.runs r
 order by r.id desc;
comment on view likeness.run_status is 'What became of each mirror run, newest first.';
comment on column likeness.run_status.run_id is 'The run.';
comment on column likeness.run_status.status is 'running or finished.';
comment on column likeness.run_status.label is 'What it was for.';
comment on column likeness.run_status.wanted is 'Pictures queued.';
comment on column likeness.run_status.stored is 'Completed with new bytes.';
comment on column likeness.run_status.reused is 'Completed with bytes known already.';
comment on column likeness.run_status.failed is 'Failed for good.';
comment on column likeness.run_status.remaining is 'Not settled yet.';
comment on column likeness.run_status.attempted is 'Claims that ended.';
comment on column likeness.run_status.skipped is 'Needed nothing.';
comment on column likeness.run_status.per_second is 'Pictures settled per second.';
comment on column likeness.run_status.started_at is 'When it began.';
comment on column likeness.run_status.finished_at is 'When its last picture was settled.';
comment on column likeness.run_status.failed_by_reason is 'The failed ones by reason: {"not-found": 3}.';
