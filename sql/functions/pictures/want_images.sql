create or replace function likeness.want_images(image_ids bigint[], priority smallint)
returns int
language sql
volatile parallel unsafe
begin atomic
  select coalesce(likeness.queue_images(array_agg(i.id), want_images.priority), 0)
    from likeness.images i
    join likeness.products p on p.id = i.product_id and p.status = 'active'
   where i.id = any(want_images.image_ids) and i.status in ('pending', 'outdated') and i.queued_at is null
  having count(*) > 0;
end;
comment on function likeness.want_images(bigint[], smallint) is
  'Queues pictures that nobody has queued yet, such as those of a draft, because somebody looks at them; only of active products. Returns how many wait now.';
