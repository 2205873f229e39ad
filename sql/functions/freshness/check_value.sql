create or replace function likeness.check_value(shape double precision, days double precision, elapsed double precision)
returns double precision
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  c_least_rate constant double precision := 1.0 / 365;
  -- Of many quiet pictures some change all the same, rows that are done anew among them, which no gamma distribution expects.
  v_shape double precision := greatest(shape, days * c_least_rate);
  v_log double precision := ln(days / (days + greatest(0, elapsed)));
begin
  -- For a picture that changes r times a day, a look after t days is worth (1 - (1 + rt) exp(-rt)) / r days of
  -- wrong pictures (the marginal gain of looking more often: Cho and Garcia-Molina's allocation). This is its mean over the gamma
  -- distribution of r: the integral over s from 0 to t of s shape days^shape / (days + s)^(shape + 1).
  if abs(v_shape - 1) < 1e-6 then
    return days * -v_log - greatest(0, elapsed) * exp(v_log);
  end if;
  -- Below exp(-700) a number is zero, and the server would call it an underflow.
  return days / (v_shape - 1) * (1 - exp(greatest(-700, (v_shape - 1) * v_log))) - greatest(0, elapsed) * exp(greatest(-700, v_shape * v_log));
end
$$;
comment on function likeness.check_value(double precision, double precision, double precision) is
  'What a look at a source is worth, in days of wrong pictures saved, that was last seen elapsed days ago and whose changes a day are gamma-distributed with this shape and rate parameter (days), of a mean of one a year at least.';
