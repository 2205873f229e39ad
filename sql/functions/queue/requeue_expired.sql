create or replace function likeness.requeue_expired(most int default 1000)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_expired bigint[];
  v_hosts bigint[];
begin
  perform likeness.need_count('most', requeue_expired.most);
  select array_agg(e.id), array_agg(distinct e.host_id) into v_expired, v_hosts
    from (select i.id, i.host_id
            from likeness.images i
           where i.claimed_by is not null and i.claim_expires_at <= v_now
           order by i.claim_expires_at
           limit requeue_expired.most) e;
  if v_expired is null then
    return 0;
  end if;
  perform 1 from likeness.hosts h where h.id = any(v_hosts) order by h.id for no key update;
  perform 1 from likeness.images i where i.id = any(v_expired) order by i.id for no key update;
  -- A death in company proves nothing: the picture becomes a suspect, which is claimed alone. Only deaths
  -- while it was alone count, and the third fails it.
  with expired as (
    select i.id, case when not i.is_check then i.run_id end as run_id, i.is_alone and i.worker_deaths + 1 >= 3 as is_poison
      from likeness.images i
     where i.id = any(v_expired) and i.claimed_by is not null and i.claim_expires_at <= v_now
  ),
  moved as (
    update likeness.images i
       set status = case when e.is_poison then 'failed' when i.blob_sha256 is null then 'pending' when i.is_check then 'completed' else 'outdated' end,
           worker_deaths = i.worker_deaths + i.is_alone::int,
           is_suspect = not e.is_poison,
           failure_reason = case when e.is_poison then 'poison' else i.failure_reason end,
           failure_text = case when e.is_poison then format('3 workers died while this was the only picture they had in hand, the last one %s', i.claimed_by) else i.failure_text end,
           queued_at = case when e.is_poison then null else v_now end,
           claimed_by = null, claim_expires_at = null, is_alone = false, updated_at = v_now
      from expired e
     where i.id = e.id
  )
  update likeness.runs r
     set failed = r.failed + c.poisoned,
         failed_by_reason = likeness.count_reasons(r.failed_by_reason, array_fill('poison'::text, array[c.poisoned])),
         status = case when r.stored + r.reused + r.failed + c.poisoned >= r.wanted then 'finished' else r.status end,
         finished_at = case when r.stored + r.reused + r.failed + c.poisoned >= r.wanted then coalesce(r.finished_at, v_now) end
    from (select e.run_id, count(*)::int as poisoned from expired e where e.is_poison and e.run_id is not null group by e.run_id) c
   where r.id = c.run_id;
  perform likeness.unpark_hosts(v_hosts);
  return cardinality(v_expired);
end
$$;
comment on function likeness.requeue_expired(int) is
  'Takes pictures back from workers whose claim ran out. A picture that three workers died over while it was alone in their hand fails as poison.';
