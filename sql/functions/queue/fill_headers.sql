create or replace function likeness.fill_headers(headers jsonb, product_url text, sku text)
returns jsonb
language sql
immutable parallel safe
begin atomic
  select coalesce(jsonb_object_agg(h.key, replace(replace(h.value, '{product_url}', coalesce(fill_headers.product_url, '')), '{sku}', coalesce(fill_headers.sku, '')))
                  filter (where h.value not like '%{product_url}%' or fill_headers.product_url is not null), '{}')
    from jsonb_each_text(coalesce(fill_headers.headers, '{}')) h;
end;
comment on function likeness.fill_headers(jsonb, text, text) is
  'A supplier''s request headers with {product_url} and {sku} filled in; a header that needs an unknown product_url is left out.';
