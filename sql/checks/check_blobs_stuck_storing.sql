create or replace view likeness.check_blobs_stuck_storing as
select b.sha256, b.stored_by, b.storing_expires_at,
       'Its worker died before it finished; the next picture with these bytes takes it over, or garbage collection clears it.' as hint
  from likeness.blobs b
 where b.status = 'storing' and b.storing_expires_at < likeness.clock() - interval '1 day';
comment on view likeness.check_blobs_stuck_storing is 'Bytes half stored for a day.';
comment on column likeness.check_blobs_stuck_storing.sha256 is 'The bytes.';
comment on column likeness.check_blobs_stuck_storing.stored_by is 'The worker that began.';
comment on column likeness.check_blobs_stuck_storing.storing_expires_at is 'When its hold ran out.';
comment on column likeness.check_blobs_stuck_storing.hint is 'What to do.';
