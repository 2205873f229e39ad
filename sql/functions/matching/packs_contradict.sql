create or replace function likeness.packs_contradict(a text, b text)
returns boolean
language plpgsql
stable parallel safe
set search_path = ''
as $$
declare
  v_lexicon jsonb;
  v_a text[];
  v_b text[];
begin
  -- Most names need not be read: they are equal, or one of them gives no number, or both give the same.
  if a = b or a !~ '[0-9]' or b !~ '[0-9]' or regexp_replace(a, '[^0-9]', '', 'g') = regexp_replace(b, '[^0-9]', '', 'g') then
    return false;
  end if;
  v_lexicon := likeness.match_lexicon();
  v_a := array(select t.token from unnest((likeness.tokenize_name(a, v_lexicon)).tokens) t (token) where t.token ~ '^[0-9.]+pack$');
  v_b := array(select t.token from unnest((likeness.tokenize_name(b, v_lexicon)).tokens) t (token) where t.token ~ '^[0-9.]+pack$');
  return coalesce(v_a <> '{}' and v_b <> '{}' and not v_a && v_b, false);
end
$$;
comment on function likeness.packs_contradict(text, text) is 'Both names say how many are sold together, and it is not the same number. False where one says nothing.';
