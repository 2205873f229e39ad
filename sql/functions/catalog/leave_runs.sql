create or replace function likeness.leave_runs()
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  with unsettled as materialized (
    select i.id, i.run_id
      from likeness.images i
     where i.run_id is not null and (i.queued_at is not null or i.claimed_by is not null)
       and i.id in (select s.image_id from pg_temp.feed_stale s where s.has_new_address
                     union all
                    select c.image_id from pg_temp.feed_changes c where c.position is null)
     union
    select i.id, i.run_id
      from pg_temp.feed_products f
      join likeness.images i on i.product_id = f.product_id
     where f.is_leaving and i.run_id is not null and i.queued_at is not null
  ),
  gone as (
    update likeness.images i
       set run_id = null
      from unsettled u
     where i.id = u.id
  )
  update likeness.runs r
     set wanted = r.wanted - u.images,
         status = case when r.stored + r.reused + r.failed >= r.wanted - u.images then 'finished' else r.status end,
         finished_at = case when r.stored + r.reused + r.failed >= r.wanted - u.images then coalesce(r.finished_at, likeness.clock()) end
    from (select n.run_id, count(*)::int as images from unsettled n group by n.run_id) u
   where r.id = u.run_id;
end
$$;
comment on function likeness.leave_runs() is
  'Takes pictures that a planned feed removes, gives another source or switches off out of the runs that wait for them. Part of merge_feed().';
