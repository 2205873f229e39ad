-- How far a claim need not look back, so that dead index entries, which an open transaction keeps for all, cost it nothing.

alter table likeness.hosts
  add column low_due_at timestamptz,
  add column low_due_id bigint,
  add column low_lease_at timestamptz,
  add column low_known_at timestamptz;
comment on column likeness.hosts.low_due_at is 'Of what is due in best_priority nothing was queued before this. Kept by claim_images() and wake_hosts().';
comment on column likeness.hosts.low_due_id is 'Nor, of what was queued just then, is anything of a lower id due.';
comment on column likeness.hosts.low_lease_at is 'Of what is in hand no lease ends before this. Kept by claim_images().';
comment on column likeness.hosts.low_known_at is 'When claim_images() last looked from the start. Half a minute later it does so again: nobody else needs to keep the two right.';

-- finish_images() counts in worker_minutes alone: one row that every finish rewrites is the first to grow a tail of dead versions.
comment on column likeness.workers.finished is 'Pictures finished, well or not, of minutes that are forgotten; worker_status adds the others.';
