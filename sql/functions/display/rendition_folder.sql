create or replace function likeness.rendition_folder(sha256 text, api_url text default '')
returns text
language sql
stable parallel safe
begin atomic
  -- One expression, so that the planner puts it into the query that calls it.
  select coalesce(
    nullif(current_setting('likeness.rendition_base_url', true), '') || '/v/' || left(rendition_folder.sha256, 2) || '/',
    api_url || '/api/images/') || rendition_folder.sha256 || '/';
end;
comment on function likeness.rendition_folder(text, text) is
  'Address of the folder that the renditions of some bytes are in: of the API (below api_url), or under likeness.rendition_base_url.';
