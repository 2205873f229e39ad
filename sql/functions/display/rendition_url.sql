create or replace function likeness.rendition_url(sha256 text, rendition jsonb)
returns text
language sql
stable parallel safe
begin atomic
  select case
    when nullif(current_setting('likeness.rendition_base_url', true), '') is null
      then '/api/images/' || rendition_url.sha256 || '/' || f.file
      else current_setting('likeness.rendition_base_url', true) || '/v/' || left(rendition_url.sha256, 2) || '/' || rendition_url.sha256 || '/' || f.file
    end
    from (select (rendition ->> 'recipe') || '.' || case rendition ->> 'format' when 'jpeg' then 'jpg' else rendition ->> 'format' end as file) f;
end;
comment on function likeness.rendition_url(text, jsonb) is
  'Address of a rendition: a path of the API, or under likeness.rendition_base_url where a CDN or a public bucket serves them.';
