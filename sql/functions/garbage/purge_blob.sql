create or replace function likeness.purge_blob(sha256 text, reason text, purged_by text default session_user)
returns table (images int, history_rows int, is_known boolean)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_hosts bigint[];
  v_images int;
  v_history int;
  v_known boolean;
begin
  if coalesce(sha256, '') !~ '^[0-9a-f]{64}$' then
    raise exception 'a purge needs a sha256 of 64 hex digits, not %', coalesce(quote_literal(sha256), 'null') using errcode = 'LK004';
  end if;
  perform likeness.need_text('reason', reason, 2000);
  perform likeness.need_text('purged_by', purged_by);
  -- From here on nobody can store or show them again; who began before meets finish_images().
  insert into likeness.purged_blobs as p (sha256, purged_at, purged_by, reason)
  values (purge_blob.sha256, v_now, purge_blob.purged_by, purge_blob.reason)
  on conflict (sha256) do update
     -- A second reason is kept behind the first, once.
     set reason = format('%s; then %s: %s', p.reason, excluded.purged_by, excluded.reason)
   where strpos(p.reason, excluded.reason) = 0;
  for v_attempt in 1..100 loop
    begin
      -- Lock order of sql/README.md.
      select array_agg(l.id) into v_hosts
        from (select h.id
                from likeness.hosts h
               where h.id in (select i.host_id from likeness.images i where i.blob_sha256 = purge_blob.sha256)
               order by h.id
                 for no key update) l;
      perform 1 from likeness.images i where i.blob_sha256 = purge_blob.sha256 order by i.id for no key update;
      update likeness.runs r
         set failed = r.failed + u.images,
             failed_by_reason = likeness.count_reasons(r.failed_by_reason, array_fill('purged'::text, array[u.images])),
             status = case when r.stored + r.reused + r.failed + u.images >= r.wanted then 'finished' else r.status end,
             finished_at = case when r.stored + r.reused + r.failed + u.images >= r.wanted then coalesce(r.finished_at, v_now) end
        from (select i.run_id, count(*)::int as images
                from likeness.images i
               where i.blob_sha256 = purge_blob.sha256 and i.run_id is not null and not i.is_check and (i.queued_at is not null or i.claimed_by is not null)
               group by i.run_id) u
       where r.id = u.run_id;
      update likeness.images i
         set status = 'failed', failure_reason = 'purged', failure_text = format('taken down by %s: %s', purge_blob.purged_by, purge_blob.reason),
             queued_at = null, retry_at = null, claimed_by = null, claim_expires_at = null, is_alone = false, is_suspect = false,
             blob_sha256 = null, mirrored_at = null, source_etag = null, source_last_modified = null, updated_at = v_now
       where i.blob_sha256 = purge_blob.sha256;
      get diagnostics v_images = row_count;
      perform 1 from likeness.blobs b where b.sha256 = purge_blob.sha256 for update;
      v_known := found;
      if exists (select from likeness.images i where i.blob_sha256 = purge_blob.sha256) then
        raise exception 'another picture got these bytes meanwhile' using errcode = 'LK003';
      end if;
      update likeness.image_history h set blob_sha256 = null, cause = 'purged' where h.blob_sha256 = purge_blob.sha256;
      get diagnostics v_history = row_count;
      -- What a living worker is about to store fails when it is finished; its row goes with its objects.
      update likeness.blobs b
         set status = 'condemned', condemned_at = v_now, is_deleting = true
       where b.sha256 = purge_blob.sha256 and b.status in ('stored', 'condemned');
      update likeness.blobs b
         set is_deleting = true
       where b.sha256 = purge_blob.sha256 and b.status = 'storing' and b.storing_expires_at <= v_now;
      exit;
    exception
      when sqlstate 'LK003' then
        if v_attempt = 100 then
          raise;
        end if;
    end;
  end loop;
  update likeness.purged_blobs p
     set images = p.images + v_images, history_rows = p.history_rows + v_history
   where p.sha256 = purge_blob.sha256;
  perform likeness.unpark_hosts(v_hosts);
  return query select v_images, v_history, v_known;
end
$$;
comment on function likeness.purge_blob(text, text, text) is
  'Takes bytes down everywhere: no place and no history shows them any more, they fail as purged when they are fetched again, and a row of purged_blobs says who did it and why. Called again, it takes down what came meanwhile and adds another reason to the first. Their objects go with the next garbage collection; `likeness purge` deletes them at once.';
