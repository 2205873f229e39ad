create or replace view likeness.match_status as
select s.name as supplier, count(*) as products,
       count(*) filter (where p.canonical_product_id is not null) as linked,
       count(*) filter (where p.canonical_product_id is null and q.confidence >= r.suggest_from) as suggested,
       count(*) filter (where p.canonical_product_id is null and q.confidence < r.suggest_from) as in_review,
       count(*) filter (where p.canonical_product_id is null and q.id is null and p.matched_at is not null) as left_alone,
       count(*) filter (where p.canonical_product_id is null and q.id is null and p.matched_at is null) as not_matched_yet
  from likeness.products p
  join likeness.suppliers s on s.id = p.supplier_id
 cross join likeness.match_rules r
  left join likeness.match_queue q on q.product_id = p.id and q.status = 'waiting'
 where p.status <> 'deleted'
 group by s.name
 order by s.name;
comment on view likeness.match_status is 'How far matching is, per supplier.';
comment on column likeness.match_status.supplier is 'The supplier.';
comment on column likeness.match_status.products is 'Its products.';
comment on column likeness.match_status.linked is 'Linked to a canonical product.';
comment on column likeness.match_status.suggested is 'Waiting for a person, with a likely candidate.';
comment on column likeness.match_status.in_review is 'Waiting for a person, with unlikely candidates.';
comment on column likeness.match_status.left_alone is 'Matching or a person found nothing for it.';
comment on column likeness.match_status.not_matched_yet is 'New or changed since matching last looked: likeness match.';
