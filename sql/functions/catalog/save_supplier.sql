create or replace function likeness.save_supplier(name text, options jsonb default '{}')
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_id bigint;
  v_unknown text;
begin
  perform likeness.need_text('name', save_supplier.name);
  if jsonb_typeof(save_supplier.options) is distinct from 'object' then
    raise exception 'options must be an object such as {"hide_origin": true}, not %', coalesce(save_supplier.options::text, 'null') using errcode = 'LK004';
  end if;
  select string_agg(k, ', ' order by k) into v_unknown
    from jsonb_object_keys(save_supplier.options) k
   where k not in ('priority', 'hide_origin', 'while_pending', 'max_attempts', 'host_max_in_flight', 'host_min_interval', 'formats',
                   'allowed_hosts', 'allowed_ports', 'allowed_schemes', 'request_headers', 'match_feeds', 'low_matches', 'on_big_change', 'placeholder_products');
  if v_unknown is not null then
    raise exception 'a supplier has no option %', v_unknown using errcode = 'LK004';
  end if;
  perform likeness.need_supplier_option(o.key, o.value) from jsonb_each(save_supplier.options) o order by o.key;
  if exists (
    select
      from (select) n
      left join likeness.suppliers s on s.name = save_supplier.name
     where coalesce((save_supplier.options ->> 'hide_origin')::boolean, s.hide_origin) and coalesce(save_supplier.options ->> 'while_pending', s.while_pending) = 'direct') then
    raise exception 'a hidden origin is never direct: with hide_origin, while_pending must be proxy or none' using errcode = 'LK004';
  end if;
  v_id := likeness.ensure_supplier(save_supplier.name);
  update likeness.suppliers s
     set priority = o.priority, hide_origin = o.hide_origin, while_pending = o.while_pending, max_attempts = o.max_attempts,
         host_max_in_flight = o.host_max_in_flight, host_min_interval = o.host_min_interval, formats = o.formats,
         allowed_hosts = o.allowed_hosts, allowed_ports = o.allowed_ports, allowed_schemes = o.allowed_schemes, request_headers = o.request_headers,
         match_feeds = o.match_feeds, low_matches = o.low_matches,
         on_big_change = o.on_big_change, placeholder_products = o.placeholder_products, updated_at = likeness.clock()
    from likeness.suppliers b
   cross join lateral jsonb_populate_record(b, save_supplier.options) o
   where s.id = v_id and b.id = v_id;
  if save_supplier.options ?| array['host_max_in_flight', 'host_min_interval'] then
    perform likeness.follow_limits(v_id);
  end if;
  return v_id;
end
$$;
comment on function likeness.save_supplier(text, jsonb) is
  'Makes the supplier of that name or changes it: options holds the columns to set, all others stay. New limits hold for all hosts that follow this supplier. Returns its id. Example: select likeness.save_supplier(''acme'', ''{"hide_origin": true}'');';
