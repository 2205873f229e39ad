create or replace function likeness.retry_placeholders(older_than interval default '7 days', most int default 10000)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_images bigint[];
begin
  perform likeness.need_count('most', retry_placeholders.most);
  if older_than is null or not isfinite(older_than) then
    raise exception 'older_than must be a time with an end, not %', coalesce(older_than::text, 'null') using errcode = 'LK004';
  end if;
  select array_agg(d.id) into v_images
    from (
      select i.id
        from likeness.images i
        left join likeness.products p on p.id = i.product_id
       where i.failure_reason = 'placeholder' and i.status = 'failed' and i.updated_at < likeness.clock() - older_than
         and coalesce(p.status, 'active') = 'active'
         and (p.canonical_product_id is null or not likeness.is_spared(p.id))
       order by i.updated_at
       limit most) d;
  return likeness.queue_images(coalesce(v_images, '{}'));
end
$$;
comment on function likeness.retry_placeholders(interval, int) is
  'Asks the sources of pictures that were placeholders again, those first that were asked longest ago: by now there may be a photo. Returns how many were queued; a daily task calls it.';
