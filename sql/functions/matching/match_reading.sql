create or replace function likeness.match_reading(lexicon jsonb)
returns bigint
language plpgsql
stable parallel safe
set search_path = ''
as $$
begin
  -- The word lists and the functions that read names: when either changes, every name is to be read again.
  return (
    select hashtextextended(string_agg(p.prosrc, E'\x1f' order by p.proname), hashtext(match_reading.lexicon::text))
      from pg_catalog.pg_proc p
     where p.pronamespace = 'likeness'::regnamespace
       and p.proname in ('plain_text', 'tokenize_name', 'tokenize_product', 'name_postings'));
end
$$;
comment on function likeness.match_reading(jsonb) is 'Stands for the way in which names are read now. Another number: the match index is out of date.';
