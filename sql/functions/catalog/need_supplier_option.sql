create or replace function likeness.need_supplier_option(option text, value jsonb)
returns void
language plpgsql
stable parallel safe
set search_path = ''
as $$
declare
  v_type text := jsonb_typeof(value);
  v_text text := value #>> '{}';
  v_range int8range;
  v_listed text[];
  v_allowed text;
  v_items text[];
  v_bad text;
  v_gap interval;
begin
  v_range := case option when 'priority' then '[0,1]' when 'max_attempts' then '[1,20]' when 'host_max_in_flight' then '[1,32767]'
                         when 'placeholder_products' then '[0,2147483647]' when 'allowed_ports' then '[1,65535]' end;
  v_listed := case option when 'hide_origin' then '{true,false}' when 'match_feeds' then '{true,false}'
                          when 'while_pending' then '{proxy,direct,none}' when 'on_big_change' then '{swap,hold}' when 'low_matches' then '{review,leave}'
                          when 'allowed_schemes' then '{http,https,ftp,ftps}'
                          -- What worker/pixels can read.
                          when 'formats' then '{jpeg,png,webp,avif,gif,tiff,bmp,heic}' end;
  if option in ('allowed_hosts', 'allowed_ports', 'allowed_schemes', 'formats') then
    v_allowed := case option when 'allowed_hosts' then 'a list of hosts'
                             when 'allowed_ports' then format('a list of ports from %s to %s', lower(v_range), upper(v_range) - 1)
                             else format('a list of %s', array_to_string(v_listed, ', ')) end;
    if v_type is distinct from 'array' then
      raise exception '% must be %, not %', option, v_allowed, coalesce(value::text, 'null') using errcode = 'LK004';
    end if;
    v_items := array(select e.item #>> '{}' from jsonb_array_elements(value) with ordinality e (item, turn) order by e.turn);
    if option = 'allowed_hosts' then
      perform likeness.need_hosts(option, v_items);
      return;
    end if;
    select string_agg(coalesce(quote_literal(i.item), 'null'), ', ') into v_bad
      from unnest(v_items) i (item)
     where (case when v_range is not null then i.item ~ '^[0-9]{1,5}$' and i.item::bigint <@ v_range else i.item = any(v_listed) end) is not true;
    if v_bad is not null then
      raise exception '% must be %, and % is none', option, v_allowed, v_bad using errcode = 'LK004';
    end if;
    if option = 'allowed_schemes' and v_items = '{}' then
      raise exception 'allowed_schemes must be %, and at least one of them', v_allowed using errcode = 'LK004';
    end if;
  elsif option = 'host_min_interval' then
    begin
      if v_type in ('string', 'number') then
        v_gap := v_text::interval;
      end if;
    exception
      when data_exception then
        null; -- It is no time, which is said below.
    end;
    if v_gap is null or not isfinite(v_gap) or v_gap < interval '0' or v_gap > interval '1 day' then
      raise exception 'host_min_interval must be a time from 0 to 1 day such as "250 milliseconds", not %', coalesce(value::text, 'null') using errcode = 'LK004';
    end if;
  elsif option = 'request_headers' then
    -- A value may be a secret: it is not said back.
    select string_agg(quote_literal(h.name), ', ' order by h.name) into v_bad
      from jsonb_each(case when v_type = 'object' then value end) h (name, value)
     where jsonb_typeof(h.value) <> 'string';
    if v_type is distinct from 'object' or v_bad is not null then
      raise exception 'request_headers must be an object whose values are strings, %',
                      case when v_bad is null then format('not of type %s', coalesce(v_type, 'null')) else format('and %s has none', v_bad) end using errcode = 'LK004';
    end if;
    -- What no request could carry is told now, and not by every picture that fails for it. worker/fetch/http.py has the same characters.
    select string_agg(h.name, ', ' order by h.name) into v_bad
      from jsonb_each_text(value) h (name, value)
     where h.name !~ '^[!#$%&''*+.^_`|~0-9A-Za-z-]+$' or h.value ~ '[\x01-\x08\x0a-\x1f\x7f]';
    if v_bad is not null then
      raise exception 'the header % holds a character that none may hold', quote_literal(v_bad) using errcode = 'LK004';
    end if;
    -- The worker leaves these out or writes its own over them.
    select string_agg(quote_literal(h.name), ', ' order by h.name) into v_bad
      from jsonb_object_keys(value) h (name)
     where lower(h.name) in ('host', 'connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'upgrade', 'content-length', 'transfer-encoding',
                             'te', 'trailer', 'expect', 'accept-encoding', 'range', 'if-range', 'if-none-match', 'if-modified-since');
    if v_bad is not null then
      raise exception 'request_headers cannot set %: each request has its own', v_bad using errcode = 'LK004';
    end if;
  elsif (case when v_range is not null then v_text ~ '^[0-9]{1,10}$' and v_text::bigint <@ v_range else v_text = any(v_listed) end) is not true then
    raise exception '% must be %, not %', option,
                    case when v_range is not null then format('a whole number from %s to %s', lower(v_range), upper(v_range) - 1)
                         else array_to_string(v_listed, ' or ') end, coalesce(value::text, 'null') using errcode = 'LK004';
  end if;
end
$$;
comment on function likeness.need_supplier_option(text, jsonb) is
  'Refuses a value that an option of a supplier cannot have, and says which it can. Part of save_supplier().';
