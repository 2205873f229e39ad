create or replace function likeness.suppliers_to_match()
returns table (supplier_id bigint, supplier text)
language sql
stable parallel safe
begin atomic
  select s.id, s.name
    from likeness.suppliers s
   where s.match_feeds
     and exists (
       select from likeness.products p
        where p.supplier_id = s.id and p.canonical_product_id is null and p.status <> 'deleted' and p.matched_at is null)
   order by s.id;
end;
comment on function likeness.suppliers_to_match() is 'Suppliers whose feeds are matched by the workers (match_feeds) and that have products which matching has not looked at yet.';
