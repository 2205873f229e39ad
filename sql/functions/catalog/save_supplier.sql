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
  select string_agg(k, ', ' order by k) into v_unknown
    from jsonb_object_keys(save_supplier.options) k
   where k not in ('priority', 'hide_origin', 'while_pending', 'max_attempts', 'host_max_in_flight', 'host_min_interval', 'formats',
                   'allowed_hosts', 'allowed_ports', 'allowed_schemes', 'request_headers', 'match_feeds', 'low_matches', 'on_big_change', 'placeholder_products');
  if v_unknown is not null then
    raise exception 'a supplier has no option %', v_unknown using errcode = 'LK004';
  end if;
  -- What no request could carry is told now, and not by every picture that fails for it. worker/fetch/http.py has the same characters.
  select string_agg(h.name, ', ' order by h.name) into v_unknown
    from jsonb_each_text(case jsonb_typeof(save_supplier.options -> 'request_headers') when 'object' then save_supplier.options -> 'request_headers' else '{}' end) h (name, value)
   where h.name !~ '^[!#$%&''*+.^_`|~0-9A-Za-z-]+$' or h.value ~ '[\x01-\x08\x0a-\x1f\x7f]';
  if v_unknown is not null then
    raise exception 'the header % holds a character that none may hold', quote_literal(v_unknown) using errcode = 'LK004';
  end if;
  select string_agg(h.host, ', ' order by h.host) into v_unknown
    from jsonb_array_elements_text(case jsonb_typeof(save_supplier.options -> 'allowed_hosts') when 'array' then save_supplier.options -> 'allowed_hosts' else '[]' end) h (host)
   where h.host !~ '^[^[:space:]/@?#\\]+$';
  if v_unknown is not null then
    raise exception 'allowed_hosts names %, which is no host (pictures.example, .example for all below it)', quote_literal(v_unknown) using errcode = 'LK004';
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
