create or replace function likeness.learn_change(shape double precision, days double precision, elapsed double precision)
returns table (shape double precision, days double precision)
language sql
immutable parallel safe
begin atomic
  -- At least one change in elapsed days, perhaps several: the likelihood is 1 - exp(-rt). The first two moments of the exact posterior
  -- have a closed form; the gamma distribution with the same two goes on.
  select m.mean * m.mean / m.variance, m.mean / m.variance
    from (
      select k.m1 / k.m0 as mean, greatest(k.m2 / k.m0 - (k.m1 / k.m0) ^ 2, 1e-9) as variance
        from (
          select 1 - exp(greatest(-700, learn_change.shape * q.log)) as m0,
                 learn_change.shape / learn_change.days * (1 - exp(greatest(-700, (learn_change.shape + 1) * q.log))) as m1,
                 learn_change.shape * (learn_change.shape + 1) / learn_change.days ^ 2 * (1 - exp(greatest(-700, (learn_change.shape + 2) * q.log))) as m2
            from (select ln(learn_change.days / (learn_change.days + greatest(learn_change.elapsed, 0.01))) as log) q) k) m;
end;
comment on function likeness.learn_change(double precision, double precision, double precision) is
  'A gamma distribution of change rates after a look found other bytes, elapsed days after the look before: corrected for the changes that the interval hides.';
