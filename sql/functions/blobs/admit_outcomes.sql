create or replace function likeness.admit_outcomes(worker text, outcomes likeness.outcome[])
returns likeness.outcome[]
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_sha256s text[];
  v_stored int;
  v_purged text[];
  v_uncondemned text[];
  v_admitted likeness.outcome[];
begin
  select array_agg(distinct o.sha256) into v_sha256s from unnest(outcomes) o where o.is_completed and o.sha256 is not null;
  if v_sha256s is null then
    return outcomes;
  end if;
  -- Garbage collection and purges lock the bytes FOR UPDATE: they are done with them, or see our reference.
  select count(*) filter (where b.status = 'stored') into v_stored
    from (select k.status from likeness.blobs k where k.sha256 = any(v_sha256s) order by k.sha256 for key share) b;
  -- A statement of its own, which sees what was purged while we waited for the lock.
  select array_agg(p.sha256) into v_purged from likeness.purged_blobs p where p.sha256 = any(v_sha256s);
  if v_purged is null and v_stored = cardinality(v_sha256s) then
    return outcomes;
  end if;
  update likeness.blobs b
     set is_deleting = true
   where b.sha256 = any(v_purged) and b.status = 'storing' and b.stored_by = admit_outcomes.worker;
  with uncondemned as (
    update likeness.blobs b
       set status = 'stored', condemned_at = null
     where b.sha256 = any(v_sha256s) and b.status = 'condemned' and not b.is_deleting
    returning b.sha256
  )
  select array_agg(u.sha256) into v_uncondemned from uncondemned u;
  perform likeness.refresh_renditions(v_uncondemned) where v_uncondemned is not null;
  select coalesce(array_agg(
           case when o.is_completed and o.sha256 = any(v_purged)
             then jsonb_populate_record(o, '{"is_completed": false, "is_reused": false, "sha256": null, "blob": null, "reason": "purged",
               "failure_text": "the picture was taken down; see likeness.purged_blobs", "is_retryable": false, "is_host_fault": false}')
             else o end), '{}')
    into v_admitted
    from unnest(outcomes) o
   where not o.is_completed or o.sha256 is null or o.sha256 = any(v_purged)
      or exists (select
                   from likeness.blobs b
                  where b.sha256 = o.sha256
                    and (b.status = 'stored'
                         or (jsonb_typeof(o.blob) = 'object' and b.status = 'storing' and b.stored_by = admit_outcomes.worker and not b.is_deleting)));
  return v_admitted;
end
$$;
comment on function likeness.admit_outcomes(text, likeness.outcome[]) is
  'Of what a worker finished, that whose bytes are there or just put by it; others were deleted meanwhile, and have to be fetched again. Condemned bytes are stored again; purged ones become failures. Part of finish_images().';
