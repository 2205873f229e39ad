create or replace function likeness.next_products(batch int default 10, include_failed boolean default false)
returns table (product_id bigint, image_id bigint, is_failed boolean)
language plpgsql
stable parallel safe
set search_path = ''
as $$
#variable_conflict use_column
begin
  perform likeness.need_count('batch', next_products.batch);
  return query
  -- At most batch rows a host, by the index of the claim, whatever the backlog.
  select w.product_id, min(w.id), bool_and(w.is_failed)
    from (
      (select q.product_id, q.id, false as is_failed, q.priority, q.queued_at
         from likeness.hosts h
        cross join lateral (
          select i.product_id, i.id, i.priority, i.queued_at
            from likeness.images i
           where i.host_id = h.id and i.queued_at is not null and i.retry_at is null and not i.is_check
           order by i.priority desc, i.queued_at, i.id
           limit next_products.batch) q
        where not h.paused and (h.blocked_until is null or h.blocked_until <= likeness.clock()))
      union all
      (select i.product_id, i.id, true, 0::smallint, null
         from likeness.images i
        where next_products.include_failed and i.failure_reason is not null and i.status = 'failed'
        order by i.failure_reason, i.id
        limit next_products.batch)) w
   where w.product_id is not null
   group by w.product_id
   order by max(w.priority) desc, min(w.queued_at) nulls last, w.product_id
   limit next_products.batch;
end
$$;
comment on function likeness.next_products(int, boolean) is
  'The products whose pictures are next in the queue, best first, failed ones last where they are asked for. Claims nothing: POST /api/process-product-images raises their priority and waits.';
