create or replace function likeness.lock_matching()
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(7235421911);
end
$$;
comment on function likeness.lock_matching() is
  'One transaction at a time changes what is linked to what; its turn ends with it. Taken after suppliers and products are locked and before everything else: whoever has it waits for no product.';
