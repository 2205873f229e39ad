create or replace view likeness.doubtful_links as
select p.id as product_id, p.canonical_product_id, s.name as supplier, p.sku,
       case when p.gtin <> c.gtin and likeness.names_contradict(p.name, c.name) then 'its feed gives it another barcode and another name since it was linked'
            when p.gtin <> c.gtin then 'its feed gives it another barcode since it was linked'
            else 'its feed calls it something else since it was linked' end as why,
       p.name, c.name as canonical_name, p.gtin, c.gtin as canonical_gtin, p.linked_at,
       format('select likeness.unlink_match(%s); or, if it is right: select likeness.link_match(%s, %s);', p.id, p.id, c.id) as hint
  from likeness.products p
  join likeness.suppliers s on s.id = p.supplier_id
  join likeness.canonical_products c on c.id = p.canonical_product_id
 where p.linked_at is not null and p.matched_at is null and p.status <> 'deleted'
   and (p.gtin <> c.gtin or likeness.names_contradict(p.name, c.name))
 order by p.linked_at, p.id;
comment on view likeness.doubtful_links is 'Linked products whose number a feed has given to something else since: nobody unlinks them but a person.';
comment on column likeness.doubtful_links.product_id is 'The product.';
comment on column likeness.doubtful_links.canonical_product_id is 'What it is linked to.';
comment on column likeness.doubtful_links.supplier is 'Its supplier.';
comment on column likeness.doubtful_links.sku is 'The supplier''s own number.';
comment on column likeness.doubtful_links.why is 'Why it is doubtful.';
comment on column likeness.doubtful_links.name is 'What the feed calls it now.';
comment on column likeness.doubtful_links.canonical_name is 'What the canonical product is called.';
comment on column likeness.doubtful_links.gtin is 'Its barcode now.';
comment on column likeness.doubtful_links.canonical_gtin is 'The barcode of the canonical product.';
comment on column likeness.doubtful_links.linked_at is 'Since when it is linked.';
comment on column likeness.doubtful_links.hint is 'What to do.';
