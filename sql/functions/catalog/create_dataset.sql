create or replace function likeness.create_dataset(supplier text, name text, image_url_prefix text default null, priority int default 0)
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_supplier bigint;
  v_id bigint;
begin
  perform likeness.need_text('name', create_dataset.name);
  if image_url_prefix !~* '^(https?|ftps?)://[^/?#]+' then
    raise exception 'image_url_prefix must be null or begin with http://, https://, ftp:// or ftps:// and a host, not "%"', image_url_prefix using errcode = 'LK004';
  end if;
  if priority is null or priority not between 0 and 1 then
    raise exception 'priority of a dataset must be 0 (rest) or 1 (popular), not %', coalesce(priority::text, 'null') using errcode = 'LK004';
  end if;
  select s.id into v_supplier from likeness.suppliers s where s.name = create_dataset.supplier;
  if not found then
    raise exception 'there is no supplier "%"', supplier using errcode = 'LK002', hint = 'select likeness.save_supplier(name);';
  end if;
  insert into likeness.datasets (supplier_id, name, image_url_prefix, priority)
  values (v_supplier, create_dataset.name, create_dataset.image_url_prefix, create_dataset.priority)
  returning datasets.id into v_id;
  return v_id;
end
$$;
comment on function likeness.create_dataset(text, text, text, int) is
  'A new draft dataset of a supplier, to be imported into and then activated; returns its id.';
