create or replace function likeness.display_answer(product_ids bigint[], context text, api_url text default '')
returns table (items text, wanted bigint[], retry_after int, has_unknown boolean)
language sql
stable parallel safe
begin atomic
  -- display_rows() answers in the order asked, and an aggregate takes rows as they come. Where the API has to put a
  -- signature stands \x01, which no JSON text holds.
  select coalesce(string_agg(format(
           '{"product_id":%s,"status":"%s","source":%s,"url":%s,"srcset":%s,"width":%s,"height":%s,"alt":%s,"placeholder":%s,"retry_after":%s,"version":%s,"is_known":%s}',
           d.product_id, d.status, coalesce('"' || d.source || '"', 'null'),
           case when d.source = 'direct' then to_json(d.url)::text
                when d.source in ('proxy', 'original') then '"' || d.url || e'\x01"' else coalesce('"' || d.url || '"', 'null') end,
           d.srcset, coalesce(d.width::text, 'null'), coalesce(d.height::text, 'null'), coalesce(to_json(d.alt)::text, 'null'),
           coalesce('"' || d.placeholder || '"', 'null'), coalesce(d.retry_after::text, 'null'), coalesce('"' || d.version || '"', 'null'),
           d.is_known::text), ','), ''),
         array_agg(d.product_id) filter (where d.status in ('pending', 'outdated')),
         min(d.retry_after) filter (where d.status in ('pending', 'processing', 'failed', 'outdated')),
         coalesce(bool_or(not d.is_known), false)
    from likeness.display_rows(display_answer.product_ids, display_answer.context, null, display_answer.api_url) d;
end;
comment on function likeness.display_answer(bigint[], text, text) is
  'display_rows() as the JSON of an answer, its items parted by commas, a mark (\x01) where a signature is missing, beside what the API needs to know of it: whose pictures are to be raised, and when the first of what is missing may be there.';
