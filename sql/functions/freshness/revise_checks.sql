create or replace function likeness.revise_checks()
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_host bigint;
  v_lie_at timestamptz;
  v_revised int;
begin
  -- One host a call: a lie is rare, and each touches all pictures of its host once.
  select v.host_id, v.last_lie_at into v_host, v_lie_at
    from likeness.host_validators v
   where v.trust = 'lying' and v.revised_at is null
   order by v.host_id
   limit 1
     for no key update skip locked;
  if v_host is null then
    return 0;
  end if;
  update likeness.image_freshness f
     set quiet_days = 0, checked_at = f.seen_at, next_check_at = least(f.next_check_at, likeness.clock())
    from likeness.images i
   where i.id = f.image_id and i.host_id = v_host and f.seen_at < v_lie_at;
  get diagnostics v_revised = row_count;
  update likeness.host_validators v set revised_at = likeness.clock() where v.host_id = v_host;
  return v_revised;
end
$$;
comment on function likeness.revise_checks() is
  'Takes back what was believed of a host that was found lying: its pictures count as unseen since their bytes were last fetched, and are due. Returns how many. queue_checks() calls it.';
