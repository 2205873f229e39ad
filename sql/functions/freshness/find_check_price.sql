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
  v_free double precision[];
  v_misses double precision[];
  v_low double precision := 1e-5;
  v_high double precision := 100;
  v_middle double precision;
  v_checks double precision;
begin
  select count(*) into v_images from likeness.image_freshness;
  -- A sample that is the same whenever it is drawn.
  select array_agg(s.shape), array_agg(s.days), array_agg(s.weight), array_agg(s.free_looks), array_agg(s.misses)
    into v_shapes, v_days, v_weights, v_free, v_misses
    from (select coalesce(r.shape, 0.2)::double precision + f.shape as shape, coalesce(r.days, 10)::double precision + f.quiet_days + n.silent_days as days,
                 likeness.check_weight(f.viewed_at, greatest(u.priority, d.priority), likeness.clock()) as weight,
                 -- Feeds that tell of changes are looks for nothing; what they miss is looked for.
                 case when r.news_hits >= 3 and p.media_changed_at is not null then 1 / greatest(r.news_days, 0.04) else 0 end as free_looks,
                 case when r.news_hits >= 3 and p.media_changed_at is not null then (r.news_misses + 0.5) / (r.news_hits + r.news_misses + 1) else 1 end as misses
            from likeness.image_freshness f
            join likeness.images i on i.id = f.image_id
            left join likeness.products p on p.id = i.product_id
            left join likeness.suppliers u on u.id = p.supplier_id
            left join likeness.datasets d on d.id = p.dataset_id
            left join likeness.supplier_rates r on r.supplier_id = p.supplier_id
           cross join lateral likeness.news_look(f.checked_at, r, p.media_changed_at, likeness.clock()) n
           where i.status = 'completed' and coalesce(p.status, 'active') = 'active'
             and abs(hashint8(f.image_id)::bigint) % greatest(1, v_images / c_sample) = 0) s;
  if v_shapes is null then
    return 1;
  end if;
  for v_round in 1..14 loop
    v_middle := sqrt(v_low * v_high);
    select sum(greatest(k.looks - s.free_looks, k.looks * s.misses)) * greatest(1, v_images / c_sample)
      into v_checks
      from unnest(v_shapes, v_days, v_weights, v_free, v_misses) s (shape, days, weight, free_looks, misses)
     cross join lateral (select 1 / likeness.check_interval(s.shape, s.days, v_middle / s.weight) as looks offset 0) k;
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
