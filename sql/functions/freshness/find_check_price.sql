create or replace function likeness.find_check_price(checks_a_day double precision)
returns double precision
language plpgsql
stable parallel safe
set search_path = ''
as $$
declare
  c_sample constant int := 1000;
  v_images bigint;
  v_shapes double precision[];
  v_days double precision[];
  v_weights double precision[];
  v_low double precision := 1e-5;
  v_high double precision := 100;
  v_middle double precision;
  v_checks double precision;
begin
  select count(*) into v_images from likeness.image_freshness;
  -- A sample that is the same whenever it is drawn.
  select array_agg(s.shape), array_agg(s.days), array_agg(s.weight)
    into v_shapes, v_days, v_weights
    from (select coalesce(r.shape, 0.2)::double precision + f.shape as shape, coalesce(r.days, 10)::double precision + f.quiet_days as days,
                 likeness.check_weight(f.viewed_at, greatest(u.priority, d.priority), likeness.clock()) as weight
            from likeness.image_freshness f
            join likeness.images i on i.id = f.image_id
            left join likeness.products p on p.id = i.product_id
            left join likeness.suppliers u on u.id = p.supplier_id
            left join likeness.datasets d on d.id = p.dataset_id
            left join likeness.supplier_rates r on r.supplier_id = p.supplier_id
           where i.status = 'completed' and coalesce(p.status, 'active') = 'active'
             and abs(hashint8(f.image_id)::bigint) % greatest(1, v_images / c_sample) = 0) s;
  if v_shapes is null then
    return 1;
  end if;
  for v_round in 1..14 loop
    v_middle := sqrt(v_low * v_high);
    select sum(1 / likeness.check_interval(s.shape, s.days, v_middle / s.weight)) * greatest(1, v_images / c_sample)
      into v_checks
      from unnest(v_shapes, v_days, v_weights) s (shape, days, weight);
    if v_checks > checks_a_day then
      v_low := v_middle;
    else
      v_high := v_middle;
    end if;
  end loop;
  return v_high;
end
$$;
comment on function likeness.find_check_price(double precision) is
  'What a check must be worth so that all pictures together want this many a day: one price for all, which is what divides a budget best. Part of plan_checks().';
