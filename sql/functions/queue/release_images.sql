create or replace function likeness.release_images(worker text, image_ids bigint[])
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_hosts bigint[];
  v_released int;
begin
  select array_agg(l.id) into v_hosts
    from (select h.id
            from likeness.hosts h
           where h.id in (select i.host_id from likeness.images i where i.id = any(release_images.image_ids))
           order by h.id
             for no key update) l;
  update likeness.images i
     set status = case when i.blob_sha256 is null then 'pending' when i.is_check then 'completed' else 'outdated' end,
         queued_at = v_now, claimed_by = null, claim_expires_at = null, is_alone = false, updated_at = v_now
   where i.id = any(release_images.image_ids) and i.claimed_by is not distinct from release_images.worker;
  get diagnostics v_released = row_count;
  perform likeness.unpark_hosts(v_hosts);
  return v_released;
end
$$;
comment on function likeness.release_images(text, bigint[]) is
  'Hands claimed pictures back at once, uncounted: what a stopping worker does with what it cannot finish.';
