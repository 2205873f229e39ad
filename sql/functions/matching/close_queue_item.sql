create or replace function likeness.close_queue_item(product_id bigint, status text, canonical_product_id bigint, decided_by text)
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_id bigint;
begin
  update likeness.match_queue q
     set status = close_queue_item.status, canonical_product_id = close_queue_item.canonical_product_id,
         decided_at = likeness.clock(), decided_by = close_queue_item.decided_by, updated_at = likeness.clock()
   where q.product_id = close_queue_item.product_id and q.status = 'waiting'
  returning q.id into v_id;
  return v_id;
end
$$;
comment on function likeness.close_queue_item(bigint, text, bigint, text) is 'Ends the waiting of a product; returns the item, or null where it did not wait.';
