create or replace function likeness.products__follow_status()
returns trigger
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  -- Pictures of products that left are not fetched; those of products that came back are queued again.
  perform likeness.unqueue_images(array_agg(i.id))
     from changed n
     join before b using (id)
     join likeness.images i on i.product_id = n.id
    where n.status <> 'active' and b.status = 'active' and i.queued_at is not null
   having count(*) > 0;
  perform likeness.queue_images(array_agg(i.id))
     from changed n
     join before b using (id)
     join likeness.datasets d on d.id = n.dataset_id and d.status = 'active'
     join likeness.images i on i.product_id = n.id
    where n.status = 'active' and b.status <> 'active'
      and i.queued_at is null and i.status in ('pending', 'outdated')
      and (n.canonical_product_id is null or not likeness.is_spared(n.id))
   having count(*) > 0;
  return null;
end
$$;
comment on function likeness.products__follow_status() is 'Takes the pictures of products that became inactive out of the queue, and puts those of products that returned back.';
create or replace trigger products__follow_status
  after update on likeness.products
  referencing old table as before new table as changed
  for each statement
  execute function likeness.products__follow_status();
comment on trigger products__follow_status on likeness.products is 'The queue follows products.status.';
