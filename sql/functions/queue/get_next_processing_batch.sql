create or replace function likeness.get_next_processing_batch(batch int default 10)
returns table (product_id bigint, image_id bigint, claim_no int, claimed_by text, image_url text, attempts smallint)
language sql
volatile parallel unsafe
begin atomic
  -- product_id never changes, so the row as it was before the claim will do.
  select i.product_id, c.image_id, c.claim_no, 'get_next_processing_batch:' || pg_backend_pid(), c.fetch_url, c.attempts
    from likeness.claim_images('get_next_processing_batch:' || pg_backend_pid(), get_next_processing_batch.batch) c
    join likeness.images i on i.id = c.image_id;
end;
comment on function likeness.get_next_processing_batch(int) is
  'The old contract: leases the next pictures (SKIP LOCKED, best first). Finish each with finish_image(claimed_by, ...) before its lease ends, or it is handed out again.';
