create or replace function likeness.spare_images(image_ids bigint[])
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_spared int;
begin
  -- Lock order of sql/README.md: hosts, images, runs.
  perform 1
     from likeness.hosts h
    where h.id in (select i.host_id from likeness.images i where i.id = any(image_ids) and i.queued_at is not null)
    order by h.id
      for no key update;
  with spared as (
    update likeness.images i
       set queued_at = null, retry_at = null, run_id = null, updated_at = likeness.clock()
      from (select w.id, w.run_id from likeness.images w where w.id = any(image_ids) and w.queued_at is not null) w
     where i.id = w.id and i.queued_at is not null
    returning w.run_id
  ),
  counted as (
    update likeness.runs r
       set wanted = r.wanted - s.images, skipped = r.skipped + s.images,
           status = case when r.stored + r.reused + r.failed >= r.wanted - s.images then 'finished' else r.status end,
           finished_at = case when r.stored + r.reused + r.failed >= r.wanted - s.images then coalesce(r.finished_at, likeness.clock()) end
      from (select n.run_id, count(*)::int as images from spared n where n.run_id is not null group by n.run_id) s
     where r.id = s.run_id
  )
  select count(*) into v_spared from spared;
  return v_spared;
end
$$;
comment on function likeness.spare_images(bigint[]) is
  'Takes waiting pictures out of the queue because shared ones serve; the runs that waited for them count them as skipped. Part of settle_pictures().';
