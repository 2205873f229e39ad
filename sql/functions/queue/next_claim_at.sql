create or replace function likeness.next_claim_at()
returns timestamptz
language sql
stable parallel safe
begin atomic
  select case when not exists (select from likeness.queue_control q where q.is_paused) then least(
    -- The first of each class: one probe of the index, however many hosts are ready.
    (select min(f.ready_at)
       from generate_series(0, 3) c (class)
      cross join lateral (
        select h.ready_at
          from likeness.hosts h
         where h.best_priority = c.class and h.ready_at is not null and not h.paused
         order by h.ready_at
         limit 1) f),
    (select min(i.retry_at) from likeness.images i where i.retry_at is not null),
    (select min(i.claim_expires_at) from likeness.images i where i.claimed_by is not null)) end;
end;
comment on function likeness.next_claim_at() is 'When an idle worker should look again though nobody wakes it; null: when it is woken, as from a pause of the queue.';
