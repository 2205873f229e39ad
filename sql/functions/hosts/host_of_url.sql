create or replace function likeness.host_of_url(url text)
returns text
language sql
immutable parallel safe
begin atomic
  -- What stands between the scheme and the path, without user and password, without the scheme's own port.
  select nullif(regexp_replace(
    regexp_replace(lower(substring(url from '^[A-Za-z]+://([^/?#\\]*)')), '^.*@', ''),
    case lower(substring(url from '^[A-Za-z]+'))
      when 'http' then ':80$' when 'https' then ':443$' else ':21$' -- FTPS asks for TLS on the port of FTP
    end, ''), '');
end;
comment on function likeness.host_of_url(text) is 'Host of an absolute address in lower case, with the port where it is not the scheme''s own.';
