create or replace function likeness.unqueue_images(image_ids bigint[])
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_unqueued int;
begin
  -- Lock order of sql/README.md: hosts before images.
  perform 1
     from likeness.hosts h
    where h.id in (select i.host_id from likeness.images i where i.id = any(image_ids) and i.queued_at is not null)
    order by h.id
      for no key update;
  update likeness.images i
     set queued_at = null, retry_at = null, updated_at = likeness.clock()
   where i.id = any(image_ids) and i.queued_at is not null;
  get diagnostics v_unqueued = row_count;
  return v_unqueued;
end
$$;
comment on function likeness.unqueue_images(bigint[]) is 'Takes waiting pictures out of the queue; returns how many waited. queue_images() puts them back.';
