create or replace function likeness.match_limit(facts jsonb)
returns double precision
language sql
immutable parallel safe
begin atomic
  -- Whatever else agrees, a contradiction is for a person to look at: it never reaches the line of automatic links.
  select coalesce(min(case when f.fact ->> 'kind' in ('amount', 'colour') then 0.69 else 0.84 end), 1)
    from jsonb_array_elements(facts) f (fact)
   where f.fact ->> 'verdict' = 'contradicts';
end;
comment on function likeness.match_limit(jsonb) is 'The most confidence that facts about a pair allow: 1 where nothing contradicts.';
