create or replace function likeness.resolve_display_urls(product_ids bigint[], context text default 'grid', positions int[] default null)
returns table (
  product_id bigint, status text, source text, url text, width int, height int, retry_after int, version text,
  image_id bigint, alt text, placeholder text, srcset jsonb, is_known boolean
)
language sql
stable parallel safe
begin atomic
  with asked as (
    select a.id, a.position, a.turn, likeness.display_presets(resolve_display_urls.context) as presets
      from unnest(resolve_display_urls.product_ids, resolve_display_urls.positions) with ordinality a (id, position, turn)
  )
  select a.id,
         case when p.id is null or i.id is null then 'no-image'
              when i.status = 'completed' then 'cached'
              when i.blob_sha256 is not null then 'outdated'
              else i.status end,
         u.source,
         u.url, u.width, u.height,
         case when i.status in ('pending', 'outdated') and i.queued_at is not null
                then least(300, greatest(2, ceil(extract(epoch from i.retry_at - likeness.clock()))))::int
              when i.status = 'processing' then 2
              when i.status = 'pending' then 60 end,
         coalesce(left(i.blob_sha256, 16), case when i.id is not null then i.id || '-' || i.status || '-' || i.claim_no end),
         i.id, nullif(p.name, ''), b.placeholder,
         coalesce(x.srcset, '{}'),
         p.id is not null
    from asked a
    left join likeness.products p on p.id = a.id and p.status <> 'deleted'
    -- The picture that stands for the product: its own where the store says so, else the shared one, else its
    -- own; one that can be shown before one that cannot; the first in the list.
    left join lateral (
      select o.*
        from (
          select g.id, g.status, g.blob_sha256, g.queued_at, g.retry_at, g.claim_no, g.position, g.fetch_url, not p.use_custom_image as is_behind
            from likeness.images g
           where g.product_id = p.id and (a.position is null or g.position = a.position)
          union all
          select g.id, g.status, g.blob_sha256, g.queued_at, g.retry_at, g.claim_no, g.position, g.fetch_url, p.use_custom_image
            from likeness.images g
           where g.canonical_product_id = p.canonical_product_id and (a.position is null or g.position = a.position)) o
       order by o.blob_sha256 is null, o.is_behind, o.position, o.id
       limit 1) i on true
    left join likeness.blobs b on b.sha256 = i.blob_sha256 and b.status = 'stored'
    left join likeness.suppliers s on s.id = p.supplier_id
    left join lateral (
      select w.source, w.url, w.width, w.height
        from (
          select 0 as rank, array_position(a.presets, r ->> 'preset') as place, 'rendition' as source,
                 likeness.rendition_url(b.sha256, r) as url, (r ->> 'width')::int as width, (r ->> 'height')::int as height
            from jsonb_array_elements(b.renditions) r
           where r ->> 'format' = 'webp'
          union all
          select 0, array_position(a.presets, 'original'), 'original',
                 '/api/images/' || b.sha256 || '/original', b.width, b.height
           where b.has_original and 'original' = any(a.presets)
          union all
          select 1, 0, 'direct', i.fetch_url, null, null
           where i.fetch_url ~* '^https://' and s.while_pending = 'direct' and not s.hide_origin and i.status <> 'failed'
          union all
          select 2, 0, 'proxy', '/api/images/proxy/' || i.id, null, null
           where i.fetch_url is not null and s.while_pending <> 'none' and i.status <> 'failed') w
       order by w.rank, w.place nulls last
       limit 1) u on true
    left join lateral (
      select jsonb_object_agg(f.format, f.candidates) as srcset
        from (
          select d.format, string_agg(d.url || ' ' || d.width || 'w', ', ' order by d.width) as candidates
            from (
              select distinct on (r ->> 'format', (r ->> 'width')::int)
                     r ->> 'format' as format, (r ->> 'width')::int as width, likeness.rendition_url(b.sha256, r) as url
                from jsonb_array_elements(b.renditions) r
               order by r ->> 'format', (r ->> 'width')::int, array_position(a.presets, r ->> 'preset') nulls last) d
           group by d.format) f) x on true
   order by a.turn;
end;
comment on function likeness.resolve_display_urls(bigint[], text, int[]) is
  'What a frontend should show now for each product, in the order asked: the picture''s URL, srcset by format, size, placeholder and status (cached, outdated, pending, processing, failed, no-image). positions, beside product_ids, ask for the pictures at those places instead of the one that stands for the product. Paths are relative to the API, which signs those of the proxy and of originals.';
