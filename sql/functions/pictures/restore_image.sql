create or replace function likeness.restore_image(product_id bigint, source_url text)
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_url text;
  v_image bigint;
begin
  perform likeness.lock_pictures(restore_image.product_id);
  delete from likeness.removed_images r
   where r.product_id = restore_image.product_id and r.source_key = likeness.source_key(restore_image.source_url)
  returning r.source_url into v_url;
  if not found then
    raise exception 'no picture "%" was removed from product %', left(source_url, 200), product_id
      using errcode = 'LK002', hint = 'select * from likeness.removed_images;';
  end if;
  insert into likeness.images (product_id, position, role, source_url)
  select restore_image.product_id, n.position, case when n.position = 0 then 'hero' else 'gallery' end, v_url
    from (select coalesce(max(i.position) + 1, 0)::smallint as position from likeness.images i where i.product_id = restore_image.product_id) n
  returning id into v_image;
  return v_image;
end
$$;
comment on function likeness.restore_image(bigint, text) is
  'Undoes remove_images() for one picture of a feed, by its source: it is the last one of its product and is fetched again. Returns its key.';
