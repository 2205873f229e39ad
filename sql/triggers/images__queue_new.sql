create or replace function likeness.images__queue_new()
returns trigger
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  -- Queueing marks rows and sends a NOTIFY; nothing here waits for a picture.
  perform likeness.queue_images(array_agg(i.id))
     from inserted i
     join likeness.products p on p.id = i.product_id and p.status = 'active'
     join likeness.datasets d on d.id = p.dataset_id and d.status = 'active'
    where i.status = 'pending' and i.queued_at is null
      and (p.canonical_product_id is null or not likeness.is_spared(p.id))
   having count(*) > 0;
  return null;
end
$$;
comment on function likeness.images__queue_new() is 'Queues new pictures of active products in active datasets at once; those of a draft wait for activate_dataset().';
create or replace trigger images__queue_new
  after insert on likeness.images
  referencing new table as inserted
  for each statement
  execute function likeness.images__queue_new();
comment on trigger images__queue_new on likeness.images is 'New pictures are queued without the importer waiting.';
