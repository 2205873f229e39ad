create or replace function likeness.match_lexicon()
returns jsonb
language sql
stable parallel safe
begin atomic
  -- One object, so that reading a name costs no query: a word, or "#" and a unit, gives kind, meaning and factor.
  select coalesce(jsonb_object_agg(
           case w.kind when 'unit' then '#' else '' end || w.word,
           jsonb_build_array(
             case w.kind when 'stop' then 's' when 'variant' then 'v' when 'detail' then 'd' when 'colour' then 'k' when 'unit' then 'u' else 'w' end,
             coalesce(w.means, w.word), w.factor)), '{}')
    from (
      select distinct on (m.kind = 'unit', m.word) m.word, m.kind, m.means, m.factor
        from likeness.match_words m
       order by m.kind = 'unit', m.word, m.kind) w;
end;
comment on function likeness.match_lexicon() is 'The word lists of match_words as one object, for tokenize_product().';
