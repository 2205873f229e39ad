create or replace function likeness.display_rows(product_ids bigint[], context text, positions int[] default null, api_url text default '')
returns table (
  product_id bigint, status text, source text, url text, width int, height int, retry_after int, version text,
  image_id bigint, alt text, placeholder text, srcset text, is_known boolean
)
language sql
stable parallel safe
begin atomic
  with asked as materialized (
    select a.id, a.position, a.turn, likeness.display_presets(display_rows.context) as presets
      from unnest(display_rows.product_ids, display_rows.positions) with ordinality a (id, position, turn)
  )
  select a.id,
         case when p.id is null or i.id is null then 'no-image'
              when i.status = 'completed' or i.is_check then 'cached'
              when i.blob_sha256 is not null then 'outdated'
              when i.failure_reason = 'placeholder' then 'no-image'
              else i.status end,
         c.source,
         case c.source when 'rendition' then n.folder || (n.size ->> 0)
                       when 'original' then api_url || '/api/images/' || b.sha256 || '/original'
                       when 'direct' then i.fetch_url
                       when 'proxy' then api_url || '/api/images/proxy/' || i.id end,
         case c.source when 'rendition' then (n.size ->> 1)::int when 'original' then b.width end,
         case c.source when 'rendition' then (n.size ->> 2)::int when 'original' then b.height end,
         case when i.status in ('pending', 'outdated') and i.queued_at is not null
                then least(300, greatest(2, ceil(extract(epoch from i.retry_at - likeness.clock()))))::int
              when i.status = 'processing' and not i.is_check then 2
              -- Of a product that is not active nothing is fetched: there is nothing to ask again for.
              when i.status = 'pending' and p.status = 'active' then 60 end,
         coalesce(left(i.blob_sha256, 16), case when i.id is not null then i.id || '-' || i.status || '-' || i.claim_no end),
         i.id, nullif(p.name, ''), b.placeholder,
         coalesce(replace(b.srcset, '@', n.folder), '{}'),
         p.id is not null
    from asked a
    left join likeness.products p on p.id = a.id and p.status <> 'deleted'
    -- The picture that stands for the product: its own where the store says so, else the shared one (of the canonical
    -- product itself, then of the product whose pictures it shares), else its own; one that can be shown before one
    -- that cannot; the first in the list.
    left join lateral (
      select o.*
        from (
          select g.id, g.status, g.blob_sha256, g.queued_at, g.retry_at, g.claim_no, g.position, g.fetch_url, g.uploaded_sha256, g.is_check, g.failure_reason,
                 case when p.use_custom_image then 0 else 2 end as rank, p.supplier_id
            from likeness.images g
           where g.product_id = p.id and (a.position is null or g.position = a.position)
          union all
          select g.id, g.status, g.blob_sha256, g.queued_at, g.retry_at, g.claim_no, g.position, g.fetch_url, g.uploaded_sha256, g.is_check, g.failure_reason,
                 case when p.use_custom_image then 1 else 0 end, p.supplier_id
            from likeness.images g
           where g.canonical_product_id = p.canonical_product_id and (a.position is null or g.position = a.position)
          union all
          select g.id, g.status, g.blob_sha256, g.queued_at, g.retry_at, g.claim_no, g.position, g.fetch_url, g.uploaded_sha256, g.is_check, g.failure_reason,
                 case when p.use_custom_image then 2 else 1 end, d.supplier_id
            from likeness.canonical_products k
            join likeness.products d on d.id = k.picture_product_id and d.id <> p.id
            join likeness.images g on g.product_id = d.id
           where k.id = p.canonical_product_id and (a.position is null or g.position = a.position)) o
       order by o.blob_sha256 is null, o.rank, o.position, o.id
       limit 1) i on true
    left join likeness.blobs b on b.sha256 = i.blob_sha256 and b.status = 'stored'
    -- A picture is shown by the rules of whose it is.
    left join likeness.suppliers s on s.id = i.supplier_id
    -- "offset 0" has each of these computed once a row, however often it is used.
    left join lateral (
      select likeness.rendition_folder(b.sha256, display_rows.api_url) as folder,
             coalesce(b.sizes -> a.presets[1], b.sizes -> a.presets[2], b.sizes -> a.presets[3], b.sizes -> a.presets[4], b.sizes -> '*') as size
       where b.sha256 is not null
      offset 0) n on true
   cross join lateral (
     -- Of the formats that browsers show; SAFE_INLINE of worker/fetch has the same.
     select case when b.has_original and a.presets[1] = 'original' and b.format in ('jpeg', 'png', 'webp', 'avif', 'gif', 'bmp') then 'original'
                 when n.size is not null then 'rendition'
                 when i.fetch_url is null or i.status = 'failed' or s.while_pending = 'none' or i.uploaded_sha256 is not null then null
                 -- With a password before the host it is for nobody's eyes (and is never fetched).
                 when s.while_pending = 'direct' and not s.hide_origin and i.fetch_url ~* '^https://[^/?#@\\\s]+([/?#]|$)' then 'direct'
                 else 'proxy' end as source
     offset 0) c
   order by a.turn;
end;
comment on function likeness.display_rows(bigint[], text, int[], text) is
  'resolve_display_urls() with the srcset as JSON text, as the programs take it, and with the API''s own addresses below api_url.';
