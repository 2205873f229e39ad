create or replace function likeness.pause_host(host text)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  update likeness.hosts h set paused = true where h.host = lower(pause_host.host);
  if not found then
    raise exception 'there is no host "%"', host using errcode = 'LK002', hint = 'select host from likeness.host_health;';
  end if;
end
$$;
comment on function likeness.pause_host(text) is 'Stops claims of a host''s pictures; what is in hand is finished. Example: select likeness.pause_host(''cdn.example.com'');';
