create or replace function likeness.measure_storage(after text default '', most int default 10000)
returns table (scanned_to text, blobs bigint, bytes bigint)
language sql
stable parallel safe
begin atomic
  select max(b.sha256), count(*),
         coalesce(sum(case when b.has_original then coalesce(b.bytes, 0) else 0 end
                      + (select coalesce(sum((r ->> 'bytes')::bigint), 0) from jsonb_array_elements(b.renditions) r)), 0)::bigint
    from (select y.* from likeness.blobs y where y.sha256 > measure_storage.after order by y.sha256 limit measure_storage.most) b;
end;
comment on function likeness.measure_storage(text, int) is
  'Adds up what the next bytes in the order of their hash take in the store; scanned_to continues, null: there are no more.';
