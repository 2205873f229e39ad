create or replace function likeness.describe_match(facts jsonb, odds double precision, likely double precision)
returns jsonb
language sql
immutable parallel safe
begin atomic
  select jsonb_build_object(
    'method', 'name',
    'text', coalesce(string_agg(f.fact ->> 'text', '; ' order by f.place), 'the names are like each other'),
    'facts', facts,
    'log_odds', round(odds::numeric, 2),
    'likely', round(likely::numeric, 4))
    from jsonb_array_elements(facts) with ordinality f (fact, place);
end;
comment on function likeness.describe_match(jsonb, double precision, double precision) is 'The evidence for a candidate as it is kept: facts, and a sentence of them.';
