create or replace function likeness.compare_blobs(a text, b text)
returns table (is_same boolean, similarity real, phash_distance int, mean_difference real, max_difference int, colour_difference real)
language sql
stable parallel safe
begin atomic
  select c.* from likeness.blobs x
    join likeness.blobs y on y.sha256 = compare_blobs.b
    cross join lateral likeness.compare_pictures(x.phash, x.signature, y.phash, y.signature) c
   where x.sha256 = compare_blobs.a;
end;
comment on function likeness.compare_blobs(text, text) is
  'How alike two stored pictures are, by sha256: as compare_pictures(). No row: one of them is unknown. Example: select * from likeness.compare_blobs(''<sha256>'', ''<sha256>'');';
