create or replace function likeness.build_source_url(source_url text, prefix text)
returns text
language sql
immutable parallel safe
begin atomic
  select case
    when btrim(source_url) ~* '^(https?|ftps?)://' then btrim(source_url)
    when btrim(source_url) ~ '^//[^/]' then 'https:' || btrim(source_url)
    when btrim(source_url) ~* '^[a-z][a-z0-9+.-]*:' then null
    when prefix is null then null
    else rtrim(prefix, '/') || '/' || regexp_replace(replace(btrim(source_url), '\', '/'), '^(\.?/)+', '')
  end;
end;
comment on function likeness.build_source_url(text, text) is
  'Absolute address of a picture: absolute ones are kept, relative ones joined to the dataset''s prefix; null where that cannot be done.';
