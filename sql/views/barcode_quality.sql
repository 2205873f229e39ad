create or replace view likeness.barcode_quality as
select s.name as supplier,
       case when p.gtin is null and p.gtin_raw is null then 'missing' when p.gtin is null then 'refused' when p.gtin_note is not null then 'repaired' else 'right' end as state,
       p.gtin_note as note, count(*) as products, min(p.gtin_raw) as example
  from likeness.products p
  join likeness.suppliers s on s.id = p.supplier_id
 where p.status <> 'deleted'
 group by 1, 2, 3
 order by 1, 4 desc;
comment on view likeness.barcode_quality is 'How good the barcodes of each supplier are: what had to be repaired, what was refused and why.';
comment on column likeness.barcode_quality.supplier is 'The supplier.';
comment on column likeness.barcode_quality.state is 'right, repaired, refused or missing.';
comment on column likeness.barcode_quality.note is 'What was repaired, or why it was refused.';
comment on column likeness.barcode_quality.products is 'How many products.';
comment on column likeness.barcode_quality.example is 'One of them, as the feed gave it.';
