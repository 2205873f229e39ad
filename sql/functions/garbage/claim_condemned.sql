create or replace function likeness.claim_condemned(grace interval default '30 days', most int default 100)
returns table (sha256 text, bytes bigint)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_batch text[];
  v_wanted text[];
begin
  perform likeness.need_time('grace', claim_condemned.grace);
  perform likeness.need_count('most', claim_condemned.most);
  select array_agg(l.sha256) into v_batch
    from (select b.sha256
            from likeness.blobs b
           where ((b.status = 'condemned' and (b.is_deleting or b.condemned_at <= v_now - claim_condemned.grace))
                  -- Half stored by a worker that died: nobody waits for it.
                  or (b.status = 'storing' and (b.is_deleting or b.storing_expires_at <= v_now - least(claim_condemned.grace, interval '1 hour'))))
             and not exists (select from likeness.rendition_queue q where q.sha256 = b.sha256 and q.claimed_by is not null and q.ready_at > v_now)
           order by b.condemned_at nulls first, b.sha256
           limit claim_condemned.most
             for update skip locked) l;
  select array_agg(w.sha256) into v_wanted
    from (select i.blob_sha256 as sha256 from likeness.images i where i.blob_sha256 = any(v_batch)
           union all
          select i.uploaded_sha256 from likeness.images i where i.uploaded_sha256 = any(v_batch)) w;
  update likeness.blobs b
     set status = 'stored', condemned_at = null
   where b.sha256 = any(v_wanted) and b.status = 'condemned' and not b.is_deleting;
  return query
  update likeness.blobs b
     set is_deleting = true
   where b.sha256 = any(v_batch) and not (b.sha256 = any(coalesce(v_wanted, '{}')))
  returning b.sha256, coalesce(b.bytes, 0) + (select coalesce(sum((r ->> 'bytes')::bigint), 0)::bigint from jsonb_array_elements(b.renditions) r);
end
$$;
comment on function likeness.claim_condemned(interval, int) is
  'Marks bytes whose time is over as being deleted, also half-stored ones that nobody goes on storing; those that were begun before come again. From then on they count as gone: who fetches them puts all objects anew.';
