create or replace function likeness.check_value(shape double precision, days double precision, elapsed double precision)
returns double precision
language sql
immutable parallel safe
begin atomic
  -- For a picture that changes r times a day, a look after t days is worth (1 - (1 + rt) exp(-rt)) / r days of
  -- wrong pictures (the marginal gain of looking more often: Cho and Garcia-Molina's allocation). This is its mean over the gamma
  -- distribution of r, integrated: the integral over s from 0 to t of s shape days^shape / (days + s)^(shape + 1).
  select case when abs(v.shape - 1) < 1e-6 then v.days * -v.log - v.elapsed * exp(v.log)
              -- Below exp(-700) a number is zero, and the server would call it an underflow.
              else v.days / (v.shape - 1) * (1 - exp(greatest(-700, (v.shape - 1) * v.log))) - v.elapsed * exp(greatest(-700, v.shape * v.log)) end
    from (select check_value.shape, check_value.days, greatest(0, check_value.elapsed) as elapsed,
                 ln(check_value.days / (check_value.days + greatest(0, check_value.elapsed))) as log) v;
end;
comment on function likeness.check_value(double precision, double precision, double precision) is
  'What a look at a source is worth, in days of wrong pictures saved, that was last seen elapsed days ago and whose changes a day are gamma-distributed with this shape and rate parameter (days).';
