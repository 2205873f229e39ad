create or replace function likeness.check_interval(shape double precision, days double precision, price double precision)
returns double precision
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  c_least constant double precision := 1.0 / 24;
  c_most constant double precision := 60;
  v_from double precision;
  v_to double precision := c_most;
  v_middle double precision;
begin
  if likeness.check_value(shape, days, c_most) <= price then
    -- Either it hardly ever changes, or so often that no look is worth its price: then once a day.
    return case when shape > 1 and days / (shape - 1) <= price then 1 else c_most end;
  end if;
  -- The worth is at most rate t^2 / 2, so the answer is not below this; from there it is halved in proportion.
  v_from := least(sqrt(2 * price / greatest(shape / days, 1.0 / 365)), c_most);
  for v_round in 1..12 loop
    exit when v_to < v_from * 1.02;
    v_middle := sqrt(v_from * v_to);
    if likeness.check_value(shape, days, v_middle) < price then
      v_from := v_middle;
    else
      v_to := v_middle;
    end if;
  end loop;
  return greatest(c_least, v_to);
end
$$;
comment on function likeness.check_interval(double precision, double precision, double precision) is
  'After how many days a look is worth its price (check_value() reaches it): an hour at least, 60 days at most. Rates far below it follow sqrt(2 price / rate).';
