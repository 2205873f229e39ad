create or replace function likeness.next_unmatched(supplier text default null, after_supplier_id bigint default 0, after_product_id bigint default 0, batch int default 200, include_decided boolean default false)
returns table (supplier_id bigint, product_id bigint)
language plpgsql
stable parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_supplier bigint;
begin
  -- A batch is of one supplier, so that a product finds what an earlier one of another store was made into.
  for v_supplier in
    select s.id
      from likeness.suppliers s
     where s.id >= next_unmatched.after_supplier_id and (next_unmatched.supplier is null or s.name = next_unmatched.supplier)
     order by s.id
  loop
    return query
    select p.supplier_id, p.id
      from likeness.products p
     where p.supplier_id = v_supplier and p.canonical_product_id is null and p.status <> 'deleted'
       and p.id > case when v_supplier = next_unmatched.after_supplier_id then next_unmatched.after_product_id else 0 end
       and (next_unmatched.include_decided or p.matched_at is null)
     order by p.id
     limit next_unmatched.batch;
    exit when found;
  end loop;
end
$$;
comment on function likeness.next_unmatched(text, bigint, bigint, int, boolean) is
  'The next products to be matched behind a supplier and product: those that matching has not looked at since they came or changed; include_decided: all that are not linked.';
