create or replace function likeness.images__remember_move()
returns trigger
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  insert into likeness.image_history (image_id, product_id, canonical_product_id, position, blob_sha256, shown_at, cause)
  values (new.id, new.product_id, new.canonical_product_id, new.position, new.blob_sha256, likeness.clock(), 'moved');
  return null;
end
$$;
comment on function likeness.images__remember_move() is 'Records that a place shows other bytes because a picture was moved to it, or given to another owner.';
create or replace trigger images__remember_move
  after update of product_id, canonical_product_id, position on likeness.images
  for each row when (new.blob_sha256 is not null and old.blob_sha256 is not distinct from new.blob_sha256
                     and (old.product_id, old.canonical_product_id, old.position) is distinct from (new.product_id, new.canonical_product_id, new.position))
  execute function likeness.images__remember_move();
comment on trigger images__remember_move on likeness.images is
  'Every change of what a place shows is a row of history. Whoever changes the bytes writes its own row, which says why.';
