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
  v_hosts bigint[];
begin
  select array_agg(d.id), array_agg(distinct d.host_id) into v_due, v_hosts
    from (select i.id, i.host_id from likeness.images i where i.retry_at <= v_now order by i.retry_at limit promote_retries.most) d;
  if v_due is null then
    return 0;
  end if;
  perform 1 from likeness.hosts h where h.id = any(v_hosts) order by h.id for no key update;
  update likeness.images i
     set retry_at = null, queued_at = v_now, updated_at = v_now
   where i.id in (select l.id from likeness.images l where l.id = any(v_due) and l.retry_at <= v_now order by l.id for no key update);
  perform likeness.wake_hosts(v_hosts);
  return cardinality(v_due);
end
$$;
comment on function likeness.promote_retries(int) is 'Makes pictures whose retry_at has come claimable.';
