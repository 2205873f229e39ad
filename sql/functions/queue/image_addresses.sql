create or replace function likeness.image_addresses(image_ids bigint[])
returns table (image_id bigint, url text, host text, priority smallint, max_in_flight smallint, min_interval interval, supplier_id bigint)
language sql
stable parallel safe
begin atomic
  select a.id, a.url, case when a.url like 'upload:%' then 'upload:' else likeness.host_of_url(a.url) end,
         a.priority, a.host_max_in_flight, a.host_min_interval, a.supplier_id
    from (
      select i.id,
             -- Not by what a feed says: that would show the originals of others.
             coalesce('upload:' || i.uploaded_sha256, likeness.build_source_url(i.source_url, d.image_url_prefix)) as url,
             greatest(s.priority, d.priority) as priority, s.host_max_in_flight, s.host_min_interval,
             s.id as supplier_id
        from likeness.images i
        left join likeness.products p on p.id = i.product_id
        left join likeness.suppliers s on s.id = p.supplier_id
        left join likeness.datasets d on d.id = p.dataset_id
       where i.id = any(image_addresses.image_ids)
    ) a;
end;
comment on function likeness.image_addresses(bigint[]) is
  'Where pictures would be fetched from: address, host, least priority class and whose limits a new host follows. Null address: none can be built.';
