create or replace function likeness.outdate_feed_images()
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_now timestamptz := likeness.clock();
begin
  -- With another address all that is known of the source is void, and a worker that has the old one in hand
  -- loses its claim: finish_images() refuses what it brings.
  update likeness.images i
     set status = case when i.blob_sha256 is null then 'pending' else 'outdated' end,
         attempts = 0, worker_deaths = 0, is_suspect = false, is_alone = false, failure_reason = null, failure_text = null,
         queued_at = null, retry_at = null, claimed_by = null, claim_expires_at = null, run_id = null, host_id = null, fetch_url = null,
         source_bytes = null, source_etag = null, source_last_modified = null, updated_at = v_now
    from pg_temp.feed_stale s
   where i.id = s.image_id and s.has_new_address;
  update likeness.images i
     set status = case when i.blob_sha256 is null then 'pending' else 'outdated' end,
         attempts = 0, failure_reason = null, failure_text = null, updated_at = v_now
    from pg_temp.feed_stale s
   where i.id = s.image_id and not s.has_new_address and i.status in ('completed', 'failed');
end
$$;
comment on function likeness.outdate_feed_images() is
  'Marks the pictures that a planned feed makes stale: still shown where there are bytes, fetched again from activate_dataset() on. Part of merge_feed().';
