create or replace function likeness.count_in_hand(worker text, since timestamptz)
returns table (in_hand int, host_ids bigint[], oldest_at timestamptz)
language sql
stable parallel safe
-- By its statistics every index of what is in hand is tiny, and sorting free; one that a long-running
-- transaction fills with dead entries is neither. Without a sort, only the index by time is left, read from since on.
set enable_sort = off
begin atomic
  select count(*)::int, array_agg(h.host_id), min(h.claim_expires_at)
    from (
      select i.host_id, i.claim_expires_at
        from likeness.images i
       where i.claimed_by = count_in_hand.worker and i.claim_expires_at >= count_in_hand.since
       order by i.claim_expires_at
       limit 100000) h;
end;
comment on function likeness.count_in_hand(text, timestamptz) is
  'What a worker has in hand: how many pictures, of which hosts, and the earliest time at which one of their claims expires, not before since. Part of claim_images().';
