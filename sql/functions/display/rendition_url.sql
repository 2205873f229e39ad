create or replace function likeness.rendition_url(sha256 text, rendition jsonb)
returns text
language sql
stable parallel safe
begin atomic
  select likeness.rendition_folder(rendition_url.sha256) || (rendition ->> 'recipe') || '.'
    || case rendition ->> 'format' when 'jpeg' then 'jpg' else rendition ->> 'format' end;
end;
comment on function likeness.rendition_url(text, jsonb) is
  'Address of a rendition: a path of the API, or under likeness.rendition_base_url where a CDN or a public bucket serves them.';
