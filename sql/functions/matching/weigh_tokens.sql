create or replace function likeness.weigh_tokens(tokens text[], full_weight real)
returns real[]
language plpgsql
stable parallel safe
set search_path = ''
as $$
begin
  -- Sub-selects, so that each token is one look into an index, whatever the planner thinks of the tables.
  return array(
    select ln(1 + exp(weigh_tokens.full_weight)
                  / (coalesce((select t.names from likeness.match_tokens t where t.token = u.token), 0)
                     + (select count(*) from likeness.match_recent_tokens r where r.token = u.token) + 0.5))::real
      from unnest(weigh_tokens.tokens) with ordinality u (token, place)
     order by u.place);
end
$$;
comment on function likeness.weigh_tokens(text[], real) is
  'How rare each token is among the names of the catalogue, as ln(1 + names / names with it); more than full_weight: no name has it.';
