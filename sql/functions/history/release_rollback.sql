create or replace function likeness.release_rollback(rollback_id bigint, refresh boolean default true)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_images bigint[];
begin
  update likeness.rollbacks r
     set released_at = likeness.clock()
   where r.id = rollback_id and r.released_at is null;
  if not found then
    raise exception 'there is no rollback % that is not released', rollback_id using errcode = 'LK002', hint = 'select * from likeness.rollbacks;';
  end if;
  with released as (
    update likeness.change_reviews c
       set decision = 'superseded', decided_at = likeness.clock(), decided_by = format('release of rollback %s', rollback_id)
     where c.decided_by = format('rollback %s', rollback_id) and c.decision = 'rejected'
    returning c.image_id
  )
  select array_agg(distinct d.image_id) into v_images from released d;
  if refresh and v_images is not null then
    v_images := array(
      select i.id from likeness.images i join likeness.products p on p.id = i.product_id and p.status = 'active' where i.id = any(v_images));
    perform likeness.queue_images(v_images);
    -- Its validators say that nothing has changed since the bytes that were taken away.
    update likeness.images i
       set source_etag = null, source_last_modified = null
     where i.id = any(v_images);
  end if;
  return coalesce(cardinality(v_images), 0);
end
$$;
comment on function likeness.release_rollback(bigint, boolean) is
  'Lets the bytes that a rollback took away come again, and fetches those pictures afresh unless told not to; returns how many.';
