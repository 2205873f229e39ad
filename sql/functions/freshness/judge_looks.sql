create or replace function likeness.judge_looks(outcomes likeness.outcome[])
returns setof likeness.look
language sql
stable parallel safe
begin atomic
  select i.id, i.host_id, p.supplier_id, i.product_id, i.is_check, k.result,
         coalesce(o.is_conditional, false), coalesce(o.said_unmodified, false),
         case when k.result in ('same', 'changed') and i.source_bytes is not null
           then case when o.etag is not null and i.source_etag is not null then o.etag = i.source_etag else o.last_modified = i.source_last_modified end end,
         case when coalesce(o.said_unmodified, false) and o.sha256 is not null or not o.is_completed and coalesce(o.said_unmodified, false) then 2 else 1 end,
         coalesce(o.source_bytes, 0),
         case when k.result in ('first', 'changed') and o.last_modified is distinct from i.source_last_modified then likeness.http_date(o.last_modified) end,
         k.result = 'changed' and not i.is_check and not i.is_forced and p.media_changed_at is not null,
         k.result = 'failed' and not coalesce(o.is_retryable, false),
         o.failure_text
    from unnest(judge_looks.outcomes) o
    join likeness.images i on i.id = o.image_id
    left join likeness.products p on p.id = i.product_id
   cross join lateral (
     select case when not o.is_completed then 'failed'
                 when i.blob_sha256 is null or i.source_bytes is null then 'first'
                 when o.sha256 is null then 'unmodified'
                 when o.sha256 = i.blob_sha256 then 'same'
                 -- What was held back or refused before is no news, though it is not what is shown.
                 when exists (select from likeness.change_reviews r where r.image_id = i.id and r.new_sha256 = o.sha256)
                   or exists (select from likeness.placeholders h where h.sha256 = o.sha256 and h.verdict = 'placeholder') then 'same'
                 else 'changed' end as result) k
   where o.is_completed or i.is_check
   order by i.id;
end;
comment on function likeness.judge_looks(likeness.outcome[]) is
  'What each outcome says about its source, against what was known before. Part of learn_freshness().';
