create or replace function likeness.compare_pictures(phash_a bigint, signature_a bytea, phash_b bigint, signature_b bytea)
returns table (is_same boolean, similarity real, phash_distance int, mean_difference real, max_difference int, colour_difference real)
language sql
immutable parallel safe
begin atomic
  with part as (
    select s.n,
           get_byte(compare_pictures.signature_a, 3 * s.n) as red_a, get_byte(compare_pictures.signature_b, 3 * s.n) as red_b,
           get_byte(compare_pictures.signature_a, 3 * s.n + 1) as green_a, get_byte(compare_pictures.signature_b, 3 * s.n + 1) as green_b,
           get_byte(compare_pictures.signature_a, 3 * s.n + 2) as blue_a, get_byte(compare_pictures.signature_b, 3 * s.n + 2) as blue_b
      from generate_series(0, 63) s (n)
  ),
  -- White balance and exposure move a whole channel, by a little; another colour of the same thing moves a part of the
  -- picture. So a small common shift of each channel is taken out first.
  shift as (
    select greatest(-24, least(24, avg(p.red_a - p.red_b)::real)) as red, greatest(-24, least(24, avg(p.green_a - p.green_b)::real)) as green,
           greatest(-24, least(24, avg(p.blue_a - p.blue_b)::real)) as blue
      from part p
  ),
  whole as (
    select avg(abs(d.red) + abs(d.green) + abs(d.blue)) / 3 as mean, max(greatest(abs(d.red), abs(d.green), abs(d.blue))) as most,
           -- Colour without brightness, as red against green and yellow against blue: how much of both pictures' colour differs.
           sum((d.red - d.green) ^ 2 + ((d.red + d.green) / 2 - d.blue) ^ 2) as parted,
           sum((p.red_a - p.green_a) ^ 2 + ((p.red_a + p.green_a) / 2.0 - p.blue_a) ^ 2
               + (p.red_a - d.red - p.green_a + d.green) ^ 2 + ((p.red_a - d.red + p.green_a - d.green) / 2 - p.blue_a + d.blue) ^ 2) as colour
      from part p
     cross join shift s
     cross join lateral (select p.red_a - p.red_b - s.red as red, p.green_a - p.green_b - s.green as green, p.blue_a - p.blue_b - s.blue as blue) d
  ),
  figure as (
    select bit_count((compare_pictures.phash_a # compare_pictures.phash_b)::bit(64))::int as bits, w.mean, w.most,
           -- Grey pictures have no colour to tell them apart.
           case when w.colour > 128 * 8 ^ 2 then w.parted / w.colour else 0 end as colour
      from whole w
  ),
  -- The limits were measured by scripts/bench/changes: 14 bits, mean 12, most 80, a third of the colour.
  verdict as (select f.*, greatest(f.bits / 14.0, f.mean / 12, f.most / 80, f.colour / 0.35) as difference from figure f)
  select v.difference <= 1, greatest(0, 1 - v.difference / 2)::real, v.bits, v.mean::real, v.most::int, v.colour::real
    from verdict v
   where v.bits is not null and v.mean is not null;
end;
comment on function likeness.compare_pictures(bigint, bytea, bigint, bytea) is
  'How alike two pictures are, by perceptual hash (shapes, in grey) and 8 x 8 RGB signature (colours: a red cap and a black one have the same hash). similarity: 1 equal, 0.5 the limit of is_same, 0 unlike; is_same: recompressed, resized, slightly cropped, or exposed otherwise. No row: something of one of them is unknown.';
