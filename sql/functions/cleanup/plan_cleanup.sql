create or replace function likeness.plan_cleanup(inactive_for interval default '90 days')
returns table (products bigint, images bigint, blobs bigint, bytes bigint)
language plpgsql
stable parallel safe
set search_path = ''
as $$
#variable_conflict use_column
begin
  perform likeness.need_time('inactive_for', plan_cleanup.inactive_for);
  return query
  with leaving as materialized (
    select p.id
      from likeness.products p
     where p.status <> 'active' and (p.pictures_released_at is null or p.pictures_released_at < p.status_changed_at)
       and p.status_changed_at <= likeness.clock() - plan_cleanup.inactive_for
       and not likeness.shows_for_others(p.id, likeness.clock() - plan_cleanup.inactive_for)
  ),
  shown as materialized (
    select i.id, i.blob_sha256 from leaving l join likeness.images i on i.product_id = l.id
  ),
  only_theirs as (
    select s.blob_sha256 as sha256
      from shown s
     where s.blob_sha256 is not null
     group by s.blob_sha256
    having count(*) = (select count(*) from likeness.images i where i.blob_sha256 = s.blob_sha256)
  )
  select (select count(*) from leaving), (select count(*) from shown), count(*),
         coalesce(sum(b.bytes + (select coalesce(sum((r ->> 'bytes')::bigint), 0) from jsonb_array_elements(b.renditions) r)), 0)::bigint
    from only_theirs t
    join likeness.blobs b using (sha256);
end
$$;
comment on function likeness.plan_cleanup(interval) is
  'What cleanup_products() would release: products that left so long ago and whose pictures nobody else needs, these pictures, and the bytes that nobody else shows, which garbage collection deletes once history lets them go.';
