create or replace function likeness.images__remember_removal()
returns trigger
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  insert into likeness.image_history (image_id, product_id, canonical_product_id, position, blob_sha256, shown_at, cause)
  select r.id, r.product_id, r.canonical_product_id, r.position, null, likeness.clock(), 'removed'
    from removed r
   where r.blob_sha256 is not null
     -- Whoever removes it for a reason of his own has said so.
     and (select h.blob_sha256 from likeness.image_history h where h.image_id = r.id order by h.shown_at desc, h.id desc limit 1) is not null;
  return null;
end
$$;
comment on function likeness.images__remember_removal() is 'Ends the history of pictures that are deleted, by a feed, by hand or with their product.';
create or replace trigger images__remember_removal
  after delete on likeness.images
  referencing old table as removed
  for each statement
  execute function likeness.images__remember_removal();
comment on trigger images__remember_removal on likeness.images is 'A picture that is gone shows nothing from now on.';
