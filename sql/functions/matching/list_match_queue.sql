create or replace function likeness.list_match_queue(
  item_status text default 'waiting', of_supplier text default null, min_confidence real default 0, max_confidence real default 1,
  best_candidate bigint default null, sort text default 'confidence', after_value double precision default null, after_id bigint default null,
  most int default 50)
returns table (
  queue_item_id bigint, status text, product_id bigint, supplier text, sku text, name text, brand text, gtin text, gtin_raw text, gtin_note text,
  canonical_product_id bigint, confidence real, reason text, products_affected bigint, queued_at timestamptz, updated_at timestamptz,
  decided_at timestamptz, decided_by text, candidates jsonb, sort_value double precision
)
language plpgsql
stable parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
begin
  if list_match_queue.sort is null or list_match_queue.sort not in ('confidence', 'affected', 'oldest') then
    raise exception 'sort must be confidence, affected or oldest, not "%"', list_match_queue.sort using errcode = 'LK004';
  end if;
  if list_match_queue.item_status is null or list_match_queue.item_status not in ('waiting', 'accepted', 'rejected', 'created', 'closed') then
    raise exception 'status must be waiting, accepted, rejected, created or closed, not "%"', list_match_queue.item_status using errcode = 'LK004';
  end if;
  if list_match_queue.of_supplier is not null and not exists (select from likeness.suppliers s where s.name = list_match_queue.of_supplier) then
    raise exception 'there is no supplier "%"', list_match_queue.of_supplier using errcode = 'LK002', hint = 'select name from likeness.suppliers;';
  end if;
  -- Null-proof, and NaN is above all numbers.
  if (list_match_queue.min_confidence >= 0 and list_match_queue.min_confidence <= list_match_queue.max_confidence and list_match_queue.max_confidence <= 1) is not true then
    raise exception 'min_confidence and max_confidence must be from 0 to 1 and in this order, not % and %', list_match_queue.min_confidence, list_match_queue.max_confidence
      using errcode = 'LK004';
  end if;
  perform likeness.need_count('most', list_match_queue.most);
  return query
  with affected as materialized (
    -- Whoever decides one of them has as good as decided the others.
    select w.canonical_product_id, count(*) as products
      from likeness.match_queue w
     where list_match_queue.sort = 'affected' and w.status = 'waiting' and w.canonical_product_id is not null
     group by w.canonical_product_id
  ),
  page as materialized (
    select q.id, v.sort_value, a.products
      from likeness.match_queue q
      join likeness.products p on p.id = q.product_id
      join likeness.suppliers s on s.id = p.supplier_id
      left join affected a on a.canonical_product_id = q.canonical_product_id
     cross join lateral (
       select case list_match_queue.sort when 'confidence' then -q.confidence::double precision when 'affected' then -coalesce(a.products, 1)::double precision
                                         else extract(epoch from q.queued_at)::double precision end as sort_value) v
     where q.status = list_match_queue.item_status
       and (list_match_queue.of_supplier is null or s.name = list_match_queue.of_supplier)
       and q.confidence between list_match_queue.min_confidence and list_match_queue.max_confidence
       and (list_match_queue.best_candidate is null or q.canonical_product_id = list_match_queue.best_candidate)
       and (list_match_queue.after_id is null or (v.sort_value, q.id) > (list_match_queue.after_value, list_match_queue.after_id))
     order by v.sort_value, q.id
     limit list_match_queue.most
  )
  select q.id, q.status, p.id, s.name, p.sku, p.name, p.brand, p.gtin, p.gtin_raw, p.gtin_note,
         q.canonical_product_id, q.confidence, q.reason,
         coalesce(g.products, (select count(*) from likeness.match_queue w where w.canonical_product_id = q.canonical_product_id and w.status = 'waiting'), 1),
         q.queued_at, q.updated_at, q.decided_at, q.decided_by, likeness.describe_candidates(q.candidates), g.sort_value
    from page g
    join likeness.match_queue q on q.id = g.id
    join likeness.products p on p.id = q.product_id
    join likeness.suppliers s on s.id = p.supplier_id
   order by g.sort_value, g.id;
end
$$;
comment on function likeness.list_match_queue(text, text, real, real, bigint, text, double precision, bigint, int) is
  'A page of the review list: surest first (confidence), most products with the same best candidate first (affected), or oldest first; it continues after the sort_value and queue_item_id of the last row. GET /api/match-queue.';
