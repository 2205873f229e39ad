create or replace view likeness.placeholder_pictures as
select h.sha256, h.verdict, s.name as supplier, h.products, h.noticed_at, h.decided_by, h.decided_at,
       (select count(*)
          from likeness.images i
          join likeness.products p on p.id = i.product_id
         where i.failure_reason = 'placeholder' and (h.supplier_id is null or p.supplier_id = h.supplier_id)) as pictures_wanting,
       b.renditions
  from likeness.placeholders h
  left join likeness.suppliers s on s.id = h.supplier_id
  left join likeness.blobs b on b.sha256 = h.sha256
 order by h.noticed_at desc, h.id desc;
comment on view likeness.placeholder_pictures is 'Pictures that stand in for none ("coming soon"), and those that somebody said are pictures. overrule_placeholder(sha256), mark_placeholder(sha256).';
comment on column likeness.placeholder_pictures.sha256 is 'Its bytes.';
comment on column likeness.placeholder_pictures.verdict is 'placeholder, or picture: overruled.';
comment on column likeness.placeholder_pictures.supplier is 'Whose products it stands in for; null: everybody''s.';
comment on column likeness.placeholder_pictures.products is 'Products that had it when it was found.';
comment on column likeness.placeholder_pictures.noticed_at is 'When it was found or named.';
comment on column likeness.placeholder_pictures.decided_by is 'Who decided; null: the detector alone.';
comment on column likeness.placeholder_pictures.decided_at is 'When.';
comment on column likeness.placeholder_pictures.pictures_wanting is 'Pictures of the supplier that failed as placeholders now.';
comment on column likeness.placeholder_pictures.renditions is 'Its sizes, to look at.';
