create or replace function likeness.stop_worker(worker text)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  update likeness.workers w
     set status = 'stopped', stopped_at = likeness.clock()
   where w.id = substring(worker from '/([0-9]+)$')::bigint and w.status = 'running';
  perform likeness.release_renditions(worker);
  return likeness.release_images(worker, array(select i.id from likeness.images i where i.claimed_by = worker));
end
$$;
comment on function likeness.stop_worker(text) is 'A worker''s goodbye: hands back all that it still has in hand; returns how many.';
