create or replace function likeness.compare_pictures(phash_a bigint, signature_a bytea, phash_b bigint, signature_b bytea)
returns table (is_same boolean, similarity real, phash_distance int, mean_difference real, max_difference int)
language sql
immutable parallel safe
begin atomic
  -- A camera's white balance or exposure moves a channel as a whole, by a little; another colour of the same thing moves
  -- a part of the picture. So a small common shift of each channel is taken out first. The limits (12 bits, mean 9, most
  -- 60) were measured by scripts/bench/changes.
  select d.difference <= 1, greatest(0, 1 - d.difference / 2)::real, d.bits, d.mean::real, d.most::int
    from (
      select b.bits, s.mean, s.most, greatest(b.bits / 12.0, s.mean / 9, s.most / 60) as difference
        from (select bit_count((compare_pictures.phash_a # compare_pictures.phash_b)::bit(64))::int as bits) b
       cross join (
         select avg(abs(c.difference - c.shift)) as mean, max(abs(c.difference - c.shift)) as most
           from (
             select r.difference, greatest(-24, least(24, avg(r.difference) over (partition by r.n % 3))) as shift
               from (
                 select n, get_byte(compare_pictures.signature_a, n) - get_byte(compare_pictures.signature_b, n) as difference
                   from generate_series(0, 191) n) r) c) s) d
   where d.bits is not null and d.mean is not null;
end;
comment on function likeness.compare_pictures(bigint, bytea, bigint, bytea) is
  'How alike two pictures are, by perceptual hash (shapes, in grey) and 8 x 8 RGB signature (colours: a red cap and a black one have the same hash). similarity: 1 equal, 0.5 the limit of is_same, 0 unlike; is_same: recompressed, resized, slightly cropped, or touched up in colour. No row: something of one of them is unknown.';
