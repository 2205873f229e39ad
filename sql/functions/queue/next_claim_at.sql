create or replace function likeness.next_claim_at()
returns timestamptz
language sql
stable parallel safe
begin atomic
  select case when not exists (select from likeness.queue_control q where q.is_paused) then least(
    (select min(h.ready_at) from likeness.hosts h where h.ready_at is not null and not h.paused),
    (select min(i.retry_at) from likeness.images i where i.retry_at is not null),
    (select min(i.claim_expires_at) from likeness.images i where i.claimed_by is not null)) end;
end;
comment on function likeness.next_claim_at() is 'When an idle worker should look again though nobody wakes it; null: when it is woken, as from a pause of the queue.';
