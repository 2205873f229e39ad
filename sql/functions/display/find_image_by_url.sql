create or replace function likeness.find_image_by_url(url text)
returns table (product_id bigint, image_id bigint, "position" int)
language sql
stable parallel safe
begin atomic
  -- Not for suppliers that hide their origin: an answer would confirm a guess.
  select p.id, i.id, i.position::int
    from likeness.images i
    join likeness.products p on p.id = i.product_id and p.status <> 'deleted'
    join likeness.suppliers s on s.id = p.supplier_id and not s.hide_origin
   where hashtextextended(i.fetch_url, 0) = hashtextextended(find_image_by_url.url, 0) and i.fetch_url = find_image_by_url.url
   order by i.blob_sha256 is null, i.id
   limit 1;
end;
comment on function likeness.find_image_by_url(text) is
  'The product and place of a picture by its source URL, exactly as it is fetched; nothing where the URL is unknown or its supplier hides its origin. GET /api/images/serve?url=.';
