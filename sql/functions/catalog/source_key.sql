create or replace function likeness.source_key(source_url text)
returns text
language sql
immutable parallel safe
begin atomic
  -- The host's case, a fragment and how a relative path begins make no difference; a query does, as it
  -- may choose the picture. One expression without a from clause, so that the planner puts it into the query.
  select case
    when source_url ~ '^\s*([A-Za-z][A-Za-z0-9+.-]*:)?//' then
      case when ltrim(source_url) like '//%' then 'https:' else '' end
        || lower(substring(split_part(btrim(source_url), '#', 1) from '^[^/]*//[^/?]*'))
        || regexp_replace(split_part(btrim(source_url), '#', 1), '^[^/]*//[^/?]*', '')
    else ltrim(replace(regexp_replace(split_part(btrim(source_url), '#', 1), '^(\.?[/\\])+', ''), '\', '/'))
  end;
end;
comment on function likeness.source_key(text) is
  'What two addresses of one picture have in common: scheme and host in lower case, no fragment, relative paths without leading ./ or /.';
