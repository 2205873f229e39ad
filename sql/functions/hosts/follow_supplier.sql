create or replace function likeness.follow_supplier(host text, supplier text)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_supplier bigint;
begin
  select s.id into v_supplier from likeness.suppliers s where s.name = follow_supplier.supplier;
  if not found then
    raise exception 'there is no supplier "%"', supplier using errcode = 'LK002', hint = 'select name from likeness.suppliers;';
  end if;
  update likeness.hosts h set limits_of = v_supplier where h.host = lower(follow_supplier.host);
  if not found then
    raise exception 'there is no host "%"', host using errcode = 'LK002', hint = 'select host from likeness.host_health;';
  end if;
  perform likeness.follow_limits(v_supplier);
end
$$;
comment on function likeness.follow_supplier(text, text) is
  'Gives a host the limits of a supplier, now and whenever save_supplier() changes them: the end of set_host_limits(). Example: select likeness.follow_supplier(''cdn.example.com'', ''acme'');';
