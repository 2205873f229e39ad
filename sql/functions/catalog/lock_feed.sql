create or replace function likeness.lock_feed()
returns bigint[]
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_hosts bigint[];
begin
  -- Lock order of sql/README.md: hosts, then images, each by id; all of them before the first is changed.
  select array_agg(l.id) into v_hosts
    from (select h.id
            from likeness.hosts h
           where h.id in (
                   select i.host_id
                     from likeness.images i
                    where i.id in (select s.image_id from pg_temp.feed_stale s
                                    union all
                                   select c.image_id from pg_temp.feed_changes c where c.position is null)
                    union all
                   select i.host_id
                     from pg_temp.feed_products f
                     join likeness.images i on i.product_id = f.product_id
                    where f.is_leaving and i.queued_at is not null)
           order by h.id
             for no key update) l;
  perform 1
     from likeness.images i
    where i.id in (select s.image_id from pg_temp.feed_stale s
                    union all
                   select c.image_id from pg_temp.feed_changes c where c.image_id is not null)
    order by i.id
      for update;
  return coalesce(v_hosts, '{}');
end
$$;
comment on function likeness.lock_feed() is
  'Locks the hosts and pictures that a planned feed changes, and returns the hosts. Part of merge_feed().';
