create or replace function likeness.host_of_url(url text)
returns text
language sql
immutable parallel safe
begin atomic
  -- What stands between the scheme and the path, without user and password, without the scheme's own port.
  select nullif(regexp_replace(
    regexp_replace(lower(substring(url from '^[A-Za-z]+://([^/?#\\]*)')), '^.*@', ''),
    case lower(substring(url from '^[A-Za-z]+'))
      when 'http' then ':80$' when 'https' then ':443$' when 'ftp' then ':21$' else ':990$'
    end, ''), '');
end;
comment on function likeness.host_of_url(text) is 'Host of an absolute address in lower case, with the port where it is not the scheme''s own.';
