create or replace function likeness.detect_placeholders(most_removed int default 10000)
returns table (sha256 text, supplier text, products int, removed int)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_found record;
begin
  perform likeness.need_count('most_removed', detect_placeholders.most_removed);
  for v_found in
    with picture as materialized (
      select p.supplier_id, i.blob_sha256 as sha256, b.phash, b.signature, count(distinct p.id)::int as products
        from likeness.images i
        join likeness.products p on p.id = i.product_id and p.status = 'active'
        join likeness.blobs b on b.sha256 = i.blob_sha256 and b.status = 'stored' and b.phash is not null
       where i.blob_sha256 is not null and i.uploaded_sha256 is null
       group by p.supplier_id, i.blob_sha256, b.phash, b.signature
    ),
    -- What one product alone has is no placeholder, and is most of what there is.
    shared as materialized (select c.* from picture c where c.products > 1),
    seed as (
      select c.*, s.name, s.placeholder_products
        from shared c
        join likeness.suppliers s on s.id = c.supplier_id
       -- Near copies add up, but one of them has a fair part of the whole.
       where s.placeholder_products > 0 and c.products > s.placeholder_products / 4
         and not exists (
           select from likeness.placeholders h
            where h.sha256 = c.sha256 and (h.supplier_id is null or h.supplier_id = c.supplier_id))
    )
    select s.supplier_id, s.name, s.sha256, s.phash, s.signature, s.products + coalesce(n.products, 0)::int as products,
           array_append(coalesce(n.sha256s, '{}'), s.sha256) as sha256s
      from seed s
     cross join lateral (
       select sum(c.products) as products, array_agg(c.sha256) as sha256s
         from shared c
        where c.supplier_id = s.supplier_id and c.sha256 <> s.sha256 and bit_count((c.phash # s.phash)::bit(64)) <= 4
          and exists (select from likeness.compare_pictures(s.phash, s.signature, c.phash, c.signature) k
                       where k.mean_difference <= 3 and k.max_difference <= 24)
          and not exists (
            select from likeness.placeholders h
             where h.sha256 = c.sha256 and h.verdict = 'picture' and (h.supplier_id is null or h.supplier_id = c.supplier_id))) n
     where s.products + coalesce(n.products, 0) > s.placeholder_products
     order by products desc, s.sha256
  loop
    -- A near copy may have come before.
    continue when likeness.find_placeholder(v_found.sha256, v_found.phash, v_found.signature, v_found.supplier_id) is not null;
    insert into likeness.placeholders (verdict, supplier_id, products, phash, noticed_at, sha256, signature)
    values ('placeholder', v_found.supplier_id, v_found.products, v_found.phash, likeness.clock(), v_found.sha256, v_found.signature)
    on conflict do nothing;
    sha256 := v_found.sha256;
    supplier := v_found.name;
    products := v_found.products;
    removed := likeness.remove_placeholders(v_found.sha256s, v_found.supplier_id, most_removed);
    return next;
  end loop;
  -- What an earlier call left, and what somebody had in hand when it was found.
  for v_found in
    select h.sha256, h.supplier_id, s.name, h.products
      from likeness.placeholders h
      left join likeness.suppliers s on s.id = h.supplier_id
     where h.verdict = 'placeholder'
       and exists (select from likeness.images i
                     left join likeness.products p on p.id = i.product_id
                    where i.blob_sha256 = h.sha256 and i.queued_at is null and i.status in ('completed', 'failed')
                      and (h.supplier_id is null or p.supplier_id = h.supplier_id))
     order by h.id
  loop
    sha256 := v_found.sha256;
    supplier := v_found.name;
    products := v_found.products;
    removed := likeness.remove_placeholders(array[v_found.sha256], v_found.supplier_id, most_removed);
    return next;
  end loop;
end
$$;
comment on function likeness.detect_placeholders(int) is
  'Looks for pictures that more products of a supplier have than its placeholder_products (near copies counted together), takes them for placeholders and takes them from their places, so many places at most of each. Returns what was found and how many places changed; a daily task calls it.';
