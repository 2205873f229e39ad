create or replace function likeness.image_source(image_id bigint)
returns table (
  image_id bigint, product_id bigint, "position" int, status text, failure_reason text, is_mirrored boolean, fetch_url text, request_headers jsonb,
  allowed_hosts text[], allowed_ports int[], formats text[], host_id bigint, host_max_in_flight int, host_rests_seconds int,
  allowed_schemes text[], username text, password text, credential_hosts text[]
)
language sql
stable parallel safe
begin atomic
  select i.id, p.id, i.position::int, i.status, i.failure_reason, i.blob_sha256 is not null, i.fetch_url,
         likeness.fill_headers(s.request_headers, p.product_url, p.sku), s.allowed_hosts, s.allowed_ports, s.formats,
         h.id, h.max_in_flight::int,
         case when h.paused then 300
              when h.blocked_until > likeness.clock() then ceil(extract(epoch from h.blocked_until - likeness.clock()))::int
              else 0 end,
         s.allowed_schemes, k.username, k.password, k.hosts
    from likeness.images i
    join likeness.products p on p.status <> 'deleted' and p.id = coalesce(i.product_id, (
      -- A shared picture is asked for in the name of the first product that shares it.
      select min(c.id) from likeness.products c where c.canonical_product_id = i.canonical_product_id and c.status <> 'deleted'))
    join likeness.suppliers s on s.id = p.supplier_id and (s.while_pending <> 'none' or i.blob_sha256 is not null)
    left join likeness.supplier_credentials k on k.supplier_id = s.id
    left join likeness.hosts h on h.id = i.host_id
   where i.id = image_source.image_id and (i.uploaded_sha256 is null or i.blob_sha256 is not null);
end;
comment on function likeness.image_source(bigint) is
  'Where the proxy gets a picture that is not mirrored yet, by which rules of its supplier, and whether its host may be called at all; nothing where the supplier does not want it shown before. Never for eyes outside.';
