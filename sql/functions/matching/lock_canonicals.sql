create or replace function likeness.lock_canonicals(canonical_product_ids bigint[])
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_suppliers bigint[];
begin
  -- Products before the turn (lock_matching): so all is locked first, and given back where a product came in between.
  for v_attempt in 1..20 loop
    begin
      select array_agg(l.id) into v_suppliers
        from (select s.id
                from likeness.suppliers s
               where s.id in (select p.supplier_id from likeness.products p where p.canonical_product_id = any(lock_canonicals.canonical_product_ids))
               order by s.id
                 for share) l;
      perform 1
         from likeness.products p
        where p.canonical_product_id = any(lock_canonicals.canonical_product_ids)
        order by p.id
          for no key update;
      perform likeness.lock_matching();
      if exists (
           select from likeness.products p
            where p.canonical_product_id = any(lock_canonicals.canonical_product_ids) and p.supplier_id <> all(coalesce(v_suppliers, '{}'))) then
        raise exception 'a product of another supplier came' using errcode = 'LK003';
      end if;
      -- What came in between is nobody's any more: whoever linked it had the turn, and is done.
      perform 1
         from likeness.products p
        where p.canonical_product_id = any(lock_canonicals.canonical_product_ids)
        order by p.id
          for no key update nowait;
      return;
    exception
      when sqlstate 'LK003' or lock_not_available then
        if v_attempt = 20 then
          raise exception 'the products of canonical products % are being changed all the time; try again', canonical_product_ids using errcode = 'LK003';
        end if;
    end;
  end loop;
end
$$;
comment on function likeness.lock_canonicals(bigint[]) is 'Locks all products of canonical products for a decision about them, in the order of sql/README.md, and takes the turn of lock_matching().';
