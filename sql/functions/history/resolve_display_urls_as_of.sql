create or replace function likeness.resolve_display_urls_as_of(
  product_ids bigint[], context text default 'grid', as_of timestamptz default null, positions int[] default null
)
returns table (
  product_id bigint, status text, url text, width int, height int, image_id bigint, "position" int, sha256 text,
  shown_at timestamptz, shown_until timestamptz, cause text, is_known boolean
)
language sql
stable parallel safe
begin atomic
  with asked as materialized (
    select a.id, a.position, a.turn, coalesce(resolve_display_urls_as_of.as_of, likeness.clock()) as at,
           likeness.display_presets(resolve_display_urls_as_of.context) as presets
      from unnest(resolve_display_urls_as_of.product_ids, resolve_display_urls_as_of.positions) with ordinality a (id, position, turn)
  )
  select a.id,
         case when i.sha256 is null then 'no-image' when b.sha256 is null then 'gone' else 'shown' end,
         case when b.sha256 is null then null
              when r.size is not null then likeness.rendition_url(b.sha256, r.size)
              when b.has_original then '/api/images/' || b.sha256 || '/original' end,
         coalesce((r.size ->> 'width')::int, b.width), coalesce((r.size ->> 'height')::int, b.height),
         i.image_id, i.position::int, i.sha256, i.shown_at, i.shown_until, i.cause,
         p.id is not null
    from asked a
    left join likeness.products p on p.id = a.id
    -- The same choice as resolve_display_urls() makes, among what was there: a product's link to shared
    -- pictures has no history, so today's counts.
    left join likeness.canonical_products k on k.id = p.canonical_product_id
    left join lateral (
      select o.*
        from (
          select h.*, case when p.use_custom_image then 0 else 2 end as rank
            from likeness.image_intervals h
           where h.product_id = a.id and h.shown_at <= a.at and (a.position is null or h.position = a.position)
          union all
          select h.*, case when p.use_custom_image then 1 else 0 end
            from likeness.image_intervals h
           where h.canonical_product_id = k.id and h.shown_at <= a.at and (a.position is null or h.position = a.position)
          union all
          select h.*, case when p.use_custom_image then 2 else 1 end
            from likeness.image_intervals h
           where h.product_id = k.picture_product_id and h.product_id <> a.id and h.shown_at <= a.at and (a.position is null or h.position = a.position)) o
       where o.sha256 is not null and (o.shown_until is null or o.shown_until > a.at)
       order by o.rank, o.position, o.image_id
       limit 1) i on true
    left join likeness.blobs b on b.sha256 = i.sha256 and (b.status = 'stored' or (b.status = 'condemned' and not b.is_deleting))
    left join lateral (
      select s.size
        from jsonb_array_elements(b.renditions) s (size)
       where s.size ->> 'format' = 'webp'
         and not (b.has_original and a.presets[1] = 'original')
       order by array_position(a.presets, s.size ->> 'preset') nulls last
       limit 1) r on true
   order by a.turn;
end;
comment on function likeness.resolve_display_urls_as_of(bigint[], text, timestamptz, int[]) is
  'What a frontend would have shown for each product at a time (default: now): shown, gone (its bytes were deleted since) or no-image, with the interval and what began it. Example: select * from likeness.resolve_display_urls_as_of(array[17], ''grid'', ''2030-01-01 12:00+00'');';
