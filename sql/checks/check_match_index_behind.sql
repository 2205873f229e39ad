create or replace view likeness.check_match_index_behind as
select c.id as canonical_product_id, c.name,
       'It cannot be found by its name: select likeness.rebuild_match_index()' as hint
  from likeness.canonical_products c
 where not exists (select from likeness.match_names m where m.canonical_product_id = c.id)
union all
select null, null, 'The word lists or the way names are read have changed: select likeness.rebuild_match_index()'
  from likeness.match_index_state s
 where s.reading <> likeness.match_reading(likeness.match_lexicon())
   and exists (select from likeness.match_names);
comment on view likeness.check_match_index_behind is 'Canonical products that matching by name does not see, or sees by old rules.';
comment on column likeness.check_match_index_behind.canonical_product_id is 'Which; null: all of them.';
comment on column likeness.check_match_index_behind.name is 'Its name.';
comment on column likeness.check_match_index_behind.hint is 'What to do.';
