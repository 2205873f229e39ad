create or replace function likeness.name_postings(main_tokens int, name_key text, tokens text[])
returns text[]
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  v_postings text[] := tokens || ('=' || name_key);
begin
  if strpos(name_key, '~') > 0 then
    -- Marks tell names apart; nothing is found by them.
    v_postings := array(select p.token from unnest(v_postings) with ordinality p (token, place) where left(p.token, 1) <> '~' order by p.place);
  end if;
  -- Two neighbours in either order: what finds a name of common words alone.
  for i in 2..main_tokens loop
    v_postings := v_postings || ('+' || least(tokens[i - 1] collate "C", tokens[i]) || ' ' || greatest(tokens[i - 1] collate "C", tokens[i]));
  end loop;
  return v_postings;
end
$$;
comment on function likeness.name_postings(int, text, text[]) is 'Everything that a name can be found by: its tokens, the whole of it, and its pairs of neighbours.';
