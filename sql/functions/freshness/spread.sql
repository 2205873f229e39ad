create or replace function likeness.spread(image_id bigint)
returns double precision
language sql
immutable parallel safe
begin atomic
  select abs(hashint8(spread.image_id)::bigint % 1024) / 1024.0::double precision;
end;
comment on function likeness.spread(bigint) is 'A number from 0 to 1 that is always the same for a picture: keeps those of one import apart in time.';
