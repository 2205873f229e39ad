create or replace function likeness.begin_blobs(worker text, sha256s text[], lease interval default '60 seconds')
returns table (sha256 text, answer text)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
begin
  return query
  with wanted as (
    select distinct w.sha256, p.sha256 is not null as is_purged
      from unnest(begin_blobs.sha256s) w (sha256)
      left join likeness.purged_blobs p using (sha256)
     order by w.sha256
  ),
  begun as (
    insert into likeness.blobs as b (sha256, status, stored_by, storing_expires_at)
    select w.sha256, 'storing', begin_blobs.worker, v_now + begin_blobs.lease from wanted w where not w.is_purged order by w.sha256
    on conflict (sha256) do update
       set status = 'storing', stored_by = excluded.stored_by, storing_expires_at = excluded.storing_expires_at, condemned_at = null,
           is_deleting = false, was_taken_over = true
     -- Condemned bytes whose deletion has not begun are all there: finish_images() makes them stored again.
     where (b.status = 'condemned' and b.is_deleting)
        or (b.status = 'storing' and (b.storing_expires_at <= v_now or b.stored_by in (excluded.stored_by, 'upload')
                                     -- No lease is as long: it was given before a clock was set back.
                                     or b.storing_expires_at > v_now + greatest(10 * begin_blobs.lease, interval '10 minutes')))
    returning b.sha256
  )
  select w.sha256, case when w.is_purged then 'purged' when g.sha256 is not null then 'yours'
                        when b.status = 'stored' or (b.status = 'condemned' and not b.is_deleting) then 'stored' else 'busy' end
    from wanted w
    left join begun g using (sha256)
    left join likeness.blobs b on b.sha256 = w.sha256;
end
$$;
comment on function likeness.begin_blobs(text, text[], interval) is
  'Records bytes as storing before any object of theirs exists. Answers stored (reuse them), yours (render and put them), busy (another worker does; ask again) or purged (never again).';
