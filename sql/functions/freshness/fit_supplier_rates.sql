create or replace function likeness.fit_supplier_rates()
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_fitted int;
begin
  -- Greatest likelihood over a row of rate parameters b. Where few pictures change, as always here, the best shape for a b is the
  -- number of pictures that changed over the sum of ln(1 + days / b): it is right for the many that have not changed yet, which
  -- a fit of the mean would take for quieter than they are. Half a change in 25 days is taken for known of everybody, and as much as 200
  -- pictures of the average supplier show is added to each, so that a small one is not judged by chance.
  insert into likeness.supplier_rates as r (supplier_id, shape, days, images, fitted_at)
  with picture as materialized (
    select p.supplier_id, f.shape::double precision as x, (f.shape >= 0.5)::int as has_changed, f.quiet_days + n.silent_days as e
      from likeness.image_freshness f
      join likeness.images i on i.id = f.image_id
      join likeness.products p on p.id = i.product_id
      left join likeness.supplier_rates r on r.supplier_id = p.supplier_id
     cross join lateral likeness.news_look(f.checked_at, r, p.media_changed_at, likeness.clock()) n
  ),
  sums as materialized (
    select c.supplier_id, b.days, count(*)::int as images, sum(c.has_changed) as changed, sum(ln(1 + c.e / b.days)) as logs, sum(c.x * ln(b.days + c.e)) as costs
      from picture c
     cross join (values (0.5::double precision), (1), (2), (4), (8), (16), (32), (64)) b (days)
     group by c.supplier_id, b.days
  ),
  pooled as (
    select s.days, 200 / sum(s.images)::double precision * sum(s.changed) as changed, 200 / sum(s.images)::double precision * sum(s.logs) as logs,
           200 / sum(s.images)::double precision * sum(s.costs) as costs
      from sums s
     group by s.days
  ),
  fit as (
    select s.supplier_id, s.images, s.days, s.changed + p.changed + 0.5 as changed, s.costs + p.costs as costs,
           (s.changed + p.changed + 0.5) / (s.logs + p.logs + ln(1 + 25 / s.days)) as shape
      from sums s
      join pooled p on p.days = s.days
  )
  select distinct on (f.supplier_id) f.supplier_id, least(3, f.shape), f.days, f.images, likeness.clock()
    from fit f
   order by f.supplier_id, f.changed * ln(f.shape) - f.costs desc
  on conflict (supplier_id) do update
     set shape = excluded.shape, days = excluded.days, images = excluded.images, fitted_at = excluded.fitted_at,
         -- What neighbours and feeds are worth is forgotten by half in about a month, so that it is tried again.
         mate_checks = r.mate_checks * 0.98, mate_changes = r.mate_changes * 0.98, row_checks = r.row_checks * 0.98, row_changes = r.row_changes * 0.98,
         news_hits = r.news_hits * 0.98, news_misses = r.news_misses * 0.98;
  get diagnostics v_fitted = row_count;
  return v_fitted;
end
$$;
comment on function likeness.fit_supplier_rates() is
  'Fits each supplier''s gamma distribution of change rates to what the looks at its pictures showed; returns how many suppliers. Part of plan_checks().';
