create or replace function likeness.explain_image(product_id bigint default null, image_id bigint default null)
returns table (image bigint, place smallint, answer text, hint text)
language plpgsql
stable parallel safe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
begin
  if num_nonnulls(explain_image.product_id, explain_image.image_id) <> 1 then
    raise exception 'give exactly one of product_id and image_id' using errcode = 'LK004', hint = 'select * from likeness.explain_image(product_id => 1);';
  end if;
  if explain_image.product_id is not null and not exists (select from likeness.products p where p.id = explain_image.product_id) then
    raise exception 'there is no product %', explain_image.product_id using errcode = 'LK002', table = 'products';
  end if;
  if explain_image.image_id is not null and not exists (select from likeness.images i where i.id = explain_image.image_id) then
    raise exception 'there is no image %', explain_image.image_id using errcode = 'LK002', hint = 'Its product may have left the feed: see image_history.';
  end if;
  return query
  select i.id, i.position,
         case when i.blob_sha256 is not null and i.status <> 'completed'
           then format('It is shown, as of %s. Its renewal: ', to_char(i.mirrored_at, 'YYYY-MM-DD HH24:MI')) else '' end || e.answer,
         e.hint
    from likeness.images i
   cross join lateral likeness.explain_state(i, v_now) e
   where i.id = explain_image.image_id or i.product_id = explain_image.product_id
   order by i.position, i.id;
  if not found then
    return query select null::bigint, null::smallint, 'The feed names no picture for this product.', 'Ask the supplier for one.';
  end if;
end
$$;
comment on function likeness.explain_image(bigint, bigint) is
  'Why a picture is not here (or that it is), in a sentence with what to do. Example: select * from likeness.explain_image(product_id => 1);';
