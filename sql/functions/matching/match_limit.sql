create or replace function likeness.match_limit(facts jsonb, despite_contradiction double precision, despite_doubt double precision)
returns double precision
language sql
immutable parallel safe
begin atomic
  -- Whatever else agrees, a contradiction is for a person to look at: it never reaches the line of automatic links.
  select coalesce(min(case when f.fact ->> 'kind' in ('amount', 'colour', 'size') then match_limit.despite_contradiction else match_limit.despite_doubt end), 1)
    from jsonb_array_elements(match_limit.facts) f (fact)
   where f.fact ->> 'verdict' = 'contradicts';
end;
comment on function likeness.match_limit(jsonb, double precision, double precision) is
  'The most confidence that facts about a pair allow: 1 where nothing contradicts.';
