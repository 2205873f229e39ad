create or replace function likeness.remove_feed_images()
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_removed int;
begin
  with removed as (
    delete from likeness.images i
     using pg_temp.feed_changes c
     where i.id = c.image_id and c.position is null
    returning i.id, i.product_id, i.canonical_product_id, i.position, i.blob_sha256
  ),
  remembered as (
    insert into likeness.image_history (image_id, product_id, canonical_product_id, position, blob_sha256, shown_at, cause)
    select r.id, r.product_id, r.canonical_product_id, r.position, null, likeness.clock(), 'removed'
      from removed r
     where r.blob_sha256 is not null
  )
  select count(*) into v_removed from removed;
  return v_removed;
end
$$;
comment on function likeness.remove_feed_images() is
  'Deletes the pictures that a planned feed names no more, and ends the history of those that were shown. Part of merge_feed().';
