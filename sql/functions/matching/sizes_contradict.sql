create or replace function likeness.sizes_contradict(a text[], b text[])
returns boolean
language sql
immutable parallel safe
begin atomic
  -- Within one system: 42 and M may be the same.
  select not a && b
     and (exists (select from unnest(a) x (size) where x.size ~ '[a-z]') and exists (select from unnest(b) y (size) where y.size ~ '[a-z]')
          or exists (select from unnest(a) x (size) where x.size !~ '[a-z]') and exists (select from unnest(b) y (size) where y.size !~ '[a-z]'));
end;
comment on function likeness.sizes_contradict(text[], text[]) is 'Two products give sizes of one system, letters or numbers, and none of them in common. Part of find_candidates().';
