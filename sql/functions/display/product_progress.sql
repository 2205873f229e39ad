create or replace function likeness.product_progress(product_ids bigint[])
returns table (
  product_id bigint, is_known boolean, status text, image_id bigint, thumb text, medium text, is_queued boolean, retry_after int,
  host_blocked_until timestamptz, is_host_paused boolean, failure_reason text, failure_meaning text
)
language sql
stable parallel safe
begin atomic
  -- A small picture is made in one size, which is both.
  select d.product_id, d.is_known, d.status, d.image_id, coalesce(u.thumb, u.medium), coalesce(u.medium, u.thumb),
         i.queued_at is not null, d.retry_after,
         case when h.blocked_until > likeness.clock() then h.blocked_until end, coalesce(h.paused, false),
         i.failure_reason, f.meaning
    from likeness.resolve_display_urls(product_progress.product_ids, 'detail') d
    left join likeness.images i on i.id = d.image_id
    left join likeness.hosts h on h.id = i.host_id
    left join likeness.failure_reasons f on f.code = i.failure_reason
    left join likeness.blobs b on b.sha256 = i.blob_sha256 and b.status = 'stored'
    left join lateral (
      select max(likeness.rendition_url(b.sha256, r)) filter (where r ->> 'preset' = 'thumb') as thumb,
             max(likeness.rendition_url(b.sha256, r)) filter (where r ->> 'preset' = 'medium') as medium
        from jsonb_array_elements(b.renditions) r
       where r ->> 'format' = 'webp') u on true;
end;
comment on function likeness.product_progress(bigint[]) is
  'How far the picture that stands for each product is, for those who wait for it: its two sizes, or why not yet. Free of addresses and host names, so that it may be shown to anybody.';
