create or replace function likeness.need_hosts(argument text, hosts text[])
returns text[]
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  v_bad text;
begin
  select string_agg(coalesce(quote_literal(h.host), 'null'), ', ' order by h.host) into v_bad
    from unnest(hosts) h (host)
   where h.host is null or h.host !~ '^[^[:space:]/@?#\\]+$';
  if v_bad is not null then
    raise exception '% names %, which is no host (pictures.example, .example for all below it)', argument, v_bad using errcode = 'LK004';
  end if;
  return hosts;
end
$$;
comment on function likeness.need_hosts(text, text[]) is 'Hosts that a supplier is held to or that are told its password; what is no host is refused by its name.';
