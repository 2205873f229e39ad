create or replace function likeness.promote_retries(most int default 5000)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_due bigint[];
  v_over bigint[];
  v_hosts bigint[];
begin
  perform likeness.need_count('most', promote_retries.most);
  select array_agg(d.id), array_agg(distinct d.host_id) into v_due, v_hosts
    from (select i.id, i.host_id from likeness.images i where i.retry_at <= v_now order by i.retry_at limit promote_retries.most) d;
  if v_due is null then
    return 0;
  end if;
  perform 1 from likeness.hosts h where h.id = any(v_hosts) order by h.id for no key update;
  -- A run with max_concurrent takes back only as many as it has room for; the others look again soon.
  select array_agg(o.id) into v_over
    from (select i.id, row_number() over (partition by i.run_id order by i.retry_at, i.id) as place, likeness.run_room(r) as room
            from likeness.images i
            join likeness.runs r on r.id = i.run_id and r.max_concurrent is not null
           where i.id = any(v_due)) o
   where o.place > o.room;
  update likeness.images i
     set retry_at = case when i.id = any(v_over) then v_now + interval '10 seconds' * (1 + random()) end,
         queued_at = case when i.id = any(v_over) then i.queued_at else v_now end, updated_at = v_now
   where i.id in (select l.id from likeness.images l where l.id = any(v_due) and l.retry_at <= v_now order by l.id for no key update);
  perform likeness.wake_hosts(v_hosts);
  return cardinality(v_due) - coalesce(cardinality(v_over), 0);
end
$$;
comment on function likeness.promote_retries(int) is 'Makes pictures whose retry_at has come claimable, of a run with max_concurrent as many as it has room for.';
