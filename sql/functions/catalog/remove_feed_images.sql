create or replace function likeness.remove_feed_images()
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_removed int;
begin
  delete from likeness.images i
   using pg_temp.feed_changes c
   where i.id = c.image_id and c.position is null;
  get diagnostics v_removed = row_count;
  return v_removed;
end
$$;
comment on function likeness.remove_feed_images() is
  'Deletes the pictures that a planned feed names no more; a trigger ends the history of those that were shown. Part of merge_feed().';
