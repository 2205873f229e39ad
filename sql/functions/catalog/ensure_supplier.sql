create or replace function likeness.ensure_supplier(name text)
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_id bigint;
begin
  insert into likeness.suppliers (name) values (ensure_supplier.name) on conflict (name) do nothing returning id into v_id;
  return coalesce(v_id, (select s.id from likeness.suppliers s where s.name = ensure_supplier.name));
end
$$;
comment on function likeness.ensure_supplier(text) is 'Id of the supplier of that name, made with gentle defaults where it is new.';
