create or replace function likeness.products__follow_status()
returns trigger
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_canonicals bigint[];
begin
  -- Whoever was to give a shared picture and has none left, or came back where nobody has one. Products of a draft, which is what an
  -- import writes while it holds hosts, wait for activate_dataset() or heal_shared_pictures().
  select array_agg(distinct c.id) into v_canonicals
    from changed n
    join before b using (id)
    join likeness.datasets d on d.id = n.dataset_id and d.status = 'active'
    join likeness.canonical_products c on c.id = n.canonical_product_id
   where case when n.status = 'active' then b.status <> 'active' and c.picture_product_id is distinct from n.id
              else b.status = 'active' and c.picture_product_id = n.id end
     and not exists (select from likeness.images i where i.product_id = c.picture_product_id and i.blob_sha256 is not null);
  if v_canonicals is not null then
    perform likeness.settle_pictures(v_canonicals);
  end if;
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
