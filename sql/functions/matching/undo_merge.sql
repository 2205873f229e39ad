create or replace function likeness.undo_merge(decision likeness.match_log)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_was likeness.canonical_products := jsonb_populate_record(null::likeness.canonical_products, decision.evidence -> 'canonical_product');
  v_into bigint := decision.canonical_product_id;
begin
  if not exists (select from likeness.canonical_products c where c.id = v_into) then
    raise exception 'canonical product % is there no more', v_into using errcode = 'LK003', hint = 'It was merged into another: undo that first.';
  end if;
  -- Brand, part number and size that the other one took over stay with it; a barcode belongs to one alone.
  update likeness.canonical_products c
     set gtin = decision.evidence ->> 'into_gtin', updated_at = likeness.clock()
   where c.id = v_into and c.gtin = v_was.gtin;
  insert into likeness.canonical_products (id, name, brand, gtin, mpn, size, price, created_at, updated_at)
  overriding system value
  values (v_was.id, v_was.name, v_was.brand,
          case when not exists (select from likeness.canonical_products c where c.gtin = v_was.gtin) then v_was.gtin end, v_was.mpn, v_was.size, v_was.price, v_was.created_at, likeness.clock());
  update likeness.images i
     set canonical_product_id = v_was.id, position = n.position - 1, updated_at = likeness.clock()
    from jsonb_array_elements_text(decision.evidence -> 'image_ids') with ordinality n (id, position)
   where i.id = n.id::bigint and i.canonical_product_id = v_into;
  delete from likeness.match_rejections r
   where r.canonical_product_id = v_into
     and exists (
       select from jsonb_to_recordset(decision.evidence -> 'rejections') e (product_id bigint, log_id bigint)
        where e.product_id = r.product_id and e.log_id = r.log_id);
  insert into likeness.match_rejections (product_id, canonical_product_id, log_id)
  select p.id, v_was.id, e.log_id
    from jsonb_to_recordset(decision.evidence -> 'rejections') e (product_id bigint, log_id bigint)
    join likeness.products p on p.id = e.product_id
   where not exists (select from likeness.match_log u where u.undoes_id = e.log_id);
  update likeness.products p
     set canonical_product_id = v_was.id
    from jsonb_array_elements_text(decision.evidence -> 'product_ids') e (id)
   where p.id = e.id::bigint and p.canonical_product_id = v_into
     and not exists (select from likeness.match_rejections r where r.product_id = p.id and r.canonical_product_id = v_was.id);
  -- Who waits with the other one as a candidate may mean this one. Whoever has the turn waits for no product.
  update likeness.products p
     set matched_at = null
   where p.id in (select w.id
                    from likeness.products w
                   where w.canonical_product_id is null
                     and w.id in (select q.product_id from likeness.match_queue q
                                   where q.status = 'waiting' and q.candidates @> jsonb_build_array(jsonb_build_object('canonical_product_id', v_into)))
                   order by w.id
                     for no key update skip locked);
  perform likeness.settle_pictures(array[v_was.id, v_into]);
end
$$;
comment on function likeness.undo_merge(likeness.match_log) is
  'Two canonical products that were merged are two again, with the products and pictures that each had. Part of undo_match().';
