create or replace function likeness.set_supplier_credentials(supplier text, username text, password text, hosts text[] default null)
returns text[]
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_supplier likeness.suppliers;
  v_hosts text[];
begin
  select s.* into v_supplier from likeness.suppliers s where s.name = set_supplier_credentials.supplier;
  if not found then
    raise exception 'there is no supplier %', set_supplier_credentials.supplier using errcode = 'LK002';
  end if;
  if set_supplier_credentials.username is null then
    delete from likeness.supplier_credentials c where c.supplier_id = v_supplier.id;
    return '{}';
  end if;
  -- A feed may name any host; a password is for those alone that somebody named.
  v_hosts := coalesce(nullif(set_supplier_credentials.hosts, '{}'), v_supplier.allowed_hosts);
  if v_hosts = '{}' then
    raise exception 'name the hosts that may be told the password of %, or set its allowed_hosts', v_supplier.name using errcode = 'LK004';
  end if;
  perform likeness.need_hosts('hosts', v_hosts);
  if set_supplier_credentials.password is null then
    raise exception 'a user name needs a password, though it be empty; a null user name removes both' using errcode = 'LK004';
  end if;
  if set_supplier_credentials.username !~ '^[^[:cntrl:]]+$' or set_supplier_credentials.password !~ '^[^[:cntrl:]]*$' then
    -- Said here, since a broken constraint would print the row.
    raise exception 'a user name and a password of % are one line each', v_supplier.name using errcode = 'LK004';
  end if;
  insert into likeness.supplier_credentials (supplier_id, username, hosts, updated_at, password)
  values (v_supplier.id, set_supplier_credentials.username, v_hosts, likeness.clock(), set_supplier_credentials.password)
  on conflict (supplier_id) do update
     set username = excluded.username, hosts = excluded.hosts, updated_at = excluded.updated_at, password = excluded.password;
  return v_hosts;
end
$$;
comment on function likeness.set_supplier_credentials(text, text, text, text[]) is
  'Sets what a supplier''s servers are told (FTP, HTTP Basic) and returns the hosts that are told: those given, else the supplier''s allowed_hosts. A null username removes them.';
