create or replace function likeness.canonical_products__index_names()
returns trigger
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_ids bigint[];
  v_names int;
begin
  select array_agg(c.id) into v_ids from changed c;
  if v_ids is null then
    return null;
  end if;
  select s.names into v_names from likeness.match_index_state s;
  if cardinality(v_ids) > greatest(2000, v_names / 5) then
    perform likeness.rebuild_match_index();
  elsif likeness.index_canonical_products(v_ids) > 0 then
    perform likeness.fold_match_index(greatest(500, v_names / 50));
  end if;
  return null;
end
$$;
comment on function likeness.canonical_products__index_names() is
  'Reads new and changed names into the match index; a load that is large beside the catalogue builds it anew.';
create or replace trigger canonical_products__index_names_insert
  after insert on likeness.canonical_products
  referencing new table as changed
  for each statement
  execute function likeness.canonical_products__index_names();
comment on trigger canonical_products__index_names_insert on likeness.canonical_products is 'A new canonical product is found by name at once.';
create or replace trigger canonical_products__index_names_update
  after update on likeness.canonical_products
  referencing new table as changed
  for each statement
  execute function likeness.canonical_products__index_names();
comment on trigger canonical_products__index_names_update on likeness.canonical_products is 'A renamed canonical product is found by its new name at once.';
