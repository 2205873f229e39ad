create or replace function likeness.retry_images(
  image_ids bigint[] default null, product_ids bigint[] default null, supplier text default null, reason text default null, host text default null,
  priority int default 0
)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_images bigint[];
begin
  perform likeness.need_priority(retry_images.priority);
  -- A name that is misspelt would look like nothing to retry.
  if supplier is not null and not exists (select from likeness.suppliers s where s.name = retry_images.supplier) then
    raise exception 'there is no supplier "%"', supplier using errcode = 'LK002', hint = 'select name from likeness.suppliers;';
  end if;
  if reason is not null and not exists (select from likeness.failure_reasons r where r.code = retry_images.reason) then
    raise exception 'there is no reason "%"', reason using errcode = 'LK002', hint = 'select code, meaning from likeness.failure_reasons;';
  end if;
  if host is not null and not exists (select from likeness.hosts h where h.host = lower(retry_images.host)) then
    raise exception 'there is no host "%"', host using errcode = 'LK002', hint = 'select host from likeness.host_health;';
  end if;
  select array_agg(i.id) into v_images
    from likeness.images i
    left join likeness.products p on p.id = i.product_id
    left join likeness.suppliers s on s.id = p.supplier_id
    left join likeness.hosts h on h.id = i.host_id
   where i.status = 'failed'
     and (retry_images.image_ids is null or i.id = any(retry_images.image_ids))
     and (retry_images.product_ids is null or i.product_id = any(retry_images.product_ids))
     and (retry_images.supplier is null or s.name = retry_images.supplier)
     and (retry_images.reason is null or i.failure_reason = retry_images.reason)
     and (retry_images.host is null or h.host = lower(retry_images.host))
     -- Those of products that show shared ones are needed by nobody, unless they are named.
     and (retry_images.image_ids is not null or p.canonical_product_id is null or not likeness.is_spared(p.id));
  return likeness.queue_images(coalesce(v_images, '{}'), retry_images.priority);
end
$$;
comment on function likeness.retry_images(bigint[], bigint[], text, text, text, int) is
  'Queues failed pictures afresh, filtered by any of: image, product, supplier, reason, host (none: all of them). Returns how many. Example: select likeness.retry_images(reason => ''timeout'');';
