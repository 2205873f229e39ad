create or replace function likeness.display_presets(context text)
returns text[]
language plpgsql
immutable parallel safe
set search_path = ''
as $$
begin
  case context
    when 'grid', 'filmstrip' then return '{thumb,medium}';
    when 'detail' then return '{medium,thumb}';
    when 'zoom' then return '{original,large,medium,thumb}';
    else
      raise exception 'context must be grid, filmstrip, detail or zoom, not "%"', context using errcode = 'LK004';
  end case;
end
$$;
comment on function likeness.display_presets(text) is 'Sizes that a context wants, best first; an unknown context is refused with SQLSTATE LK004.';
