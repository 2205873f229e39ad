create or replace function likeness.remove_images(product_id bigint, image_ids bigint[])
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_hosts bigint[] := likeness.lock_pictures(remove_images.product_id);
  v_now timestamptz := likeness.clock(); -- after the locks, as history is ordered by time
  v_removed int;
begin
  if exists (
    select from unnest(remove_images.image_ids) n (id)
     where not exists (select from likeness.images i where i.id = n.id and i.product_id = remove_images.product_id)) then
    raise exception 'product % does not have all of the pictures %', product_id, image_ids using errcode = 'LK002';
  end if;
  update likeness.runs r
     set wanted = r.wanted - u.images,
         status = case when r.stored + r.reused + r.failed >= r.wanted - u.images then 'finished' else r.status end,
         finished_at = case when r.stored + r.reused + r.failed >= r.wanted - u.images then coalesce(r.finished_at, v_now) end
    from (select i.run_id, count(*)::int as images
            from likeness.images i
           where i.id = any(remove_images.image_ids) and i.run_id is not null and not i.is_check and (i.queued_at is not null or i.claimed_by is not null)
           group by i.run_id) u
   where r.id = u.run_id;
  insert into likeness.removed_images as r (product_id, source_key, removed_at, source_url)
  select distinct on (likeness.source_key(i.source_url)) i.product_id, likeness.source_key(i.source_url), v_now, i.source_url
    from likeness.images i
   where i.id = any(remove_images.image_ids) and i.uploaded_sha256 is null
   order by likeness.source_key(i.source_url), i.position
  on conflict (product_id, source_key) do update set removed_at = excluded.removed_at;
  with removed as (
    delete from likeness.images i
     where i.id = any(remove_images.image_ids)
    returning i.id, i.product_id, i.position, i.blob_sha256
  ),
  remembered as (
    insert into likeness.image_history (image_id, product_id, position, blob_sha256, shown_at, cause)
    select r.id, r.product_id, r.position, null, v_now, 'removed by staff'
      from removed r
     where r.blob_sha256 is not null
  )
  select count(*) into v_removed from removed;
  -- The others close up, so that the next one stands for the product.
  perform likeness.arrange_images(
    remove_images.product_id,
    (select array_agg(i.id order by i.position) from likeness.images i where i.product_id = remove_images.product_id));
  perform likeness.unpark_hosts(v_hosts);
  return v_removed;
end
$$;
comment on function likeness.remove_images(bigint, bigint[]) is
  'Takes pictures off a product for good: their history stays, the others close up, and no import brings them back (see restore_image). Returns how many.';
