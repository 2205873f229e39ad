create or replace function likeness.fold_match_index(names_to_fold int)
returns boolean
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  -- Two folds would lock the same lists in turn; who comes second leaves it to the first.
  if (select count(*)
        from (select from likeness.match_recent_tokens r where r.token >= '=' and r.token < '>' limit fold_match_index.names_to_fold) n)
       < fold_match_index.names_to_fold
     or not pg_try_advisory_xact_lock(7235421910) then
    return false;
  end if;
  with folded as (
    delete from likeness.match_recent_tokens r
    returning r.token, r.canonical_product_id)
  insert into likeness.match_tokens as t (token, names, canonical_product_ids)
  select f.token, count(*), case when count(*) <= 20000 then array_agg(f.canonical_product_id order by f.canonical_product_id) end
    from folded f
   group by f.token
   order by f.token
  on conflict on constraint match_tokens_pkey do update
    set names = t.names + excluded.names,
        canonical_product_ids = case when t.names + excluded.names <= 20000 then t.canonical_product_ids || excluded.canonical_product_ids end;
  update likeness.match_index_state s
     set names = (select count(*) from likeness.match_names)
   where s.is_current;
  return true;
end
$$;
comment on function likeness.fold_match_index(int) is
  'Moves recent additions into the posting lists once so many names wait; true when it did.';
