create or replace view likeness.pending_changes as
select r.id as review_id, p.supplier_id, s.name as supplier, i.product_id, i.canonical_product_id, p.sku, p.name, i.id as image_id, i.position,
       r.noticed_at, r.phash_distance, r.mean_difference, r.max_difference, r.old_sha256, r.new_sha256,
       o.renditions as old_renditions, n.renditions as new_renditions
  from likeness.change_reviews r
  join likeness.images i on i.id = r.image_id
  left join likeness.products p on p.id = i.product_id
  left join likeness.suppliers s on s.id = p.supplier_id
  left join likeness.blobs o on o.sha256 = r.old_sha256
  left join likeness.blobs n on n.sha256 = r.new_sha256
 where r.decision is null
 order by r.id;
comment on view likeness.pending_changes is 'Big changes of pictures that wait for a person: before and after. approve_change(review_id) or reject_change(review_id).';
comment on column likeness.pending_changes.review_id is 'What approve_change() and reject_change() take.';
comment on column likeness.pending_changes.supplier_id is 'Whose picture it is.';
comment on column likeness.pending_changes.supplier is 'Its name.';
comment on column likeness.pending_changes.product_id is 'Product whose picture it is.';
comment on column likeness.pending_changes.canonical_product_id is 'Or the shared product.';
comment on column likeness.pending_changes.sku is 'The supplier''s own number.';
comment on column likeness.pending_changes.name is 'Name of the product.';
comment on column likeness.pending_changes.image_id is 'The place.';
comment on column likeness.pending_changes.position is 'Which of the product''s pictures.';
comment on column likeness.pending_changes.noticed_at is 'When the new bytes came.';
comment on column likeness.pending_changes.phash_distance is 'Bits of 64 in which shapes differ.';
comment on column likeness.pending_changes.mean_difference is 'Mean difference of colours, of 255.';
comment on column likeness.pending_changes.max_difference is 'Largest difference of colours, of 255.';
comment on column likeness.pending_changes.old_sha256 is 'What is shown.';
comment on column likeness.pending_changes.new_sha256 is 'What came.';
comment on column likeness.pending_changes.old_renditions is 'Sizes of what is shown.';
comment on column likeness.pending_changes.new_renditions is 'Sizes of what came.';
