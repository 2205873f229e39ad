create or replace function likeness.resolve_display_urls(product_ids bigint[], context text default 'grid', positions int[] default null)
returns table (
  product_id bigint, status text, source text, url text, width int, height int, retry_after int, version text,
  image_id bigint, alt text, placeholder text, srcset jsonb, is_known boolean
)
language sql
stable parallel safe
begin atomic
  select d.product_id, d.status, d.source, d.url, d.width, d.height, d.retry_after, d.version, d.image_id, d.alt, d.placeholder,
         d.srcset::jsonb, d.is_known
    from likeness.display_rows(resolve_display_urls.product_ids, resolve_display_urls.context, resolve_display_urls.positions) d;
end;
comment on function likeness.resolve_display_urls(bigint[], text, int[]) is
  'What a frontend should show now for each product, in the order asked: the picture''s URL, srcset by format, size, placeholder and status (cached, outdated, pending, processing, failed, no-image). positions, beside product_ids, ask for the pictures at those places instead of the one that stands for the product. Paths are relative to the API, which signs those of the proxy and of originals.';
