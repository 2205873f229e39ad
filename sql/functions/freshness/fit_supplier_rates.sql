create or replace function likeness.fit_supplier_rates()
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_fitted int;
begin
  -- By moments: the mean is changes over days; the more the pictures of a supplier differ beyond chance, the smaller the shape. Half a
  -- change in 25 days is taken for known of everybody.
  insert into likeness.supplier_rates as r (supplier_id, shape, days, images, fitted_at)
  select m.supplier_id, s.shape, s.shape / m.rate, m.images, likeness.clock()
    from (
      select p.supplier_id, count(*)::int as images,
             (sum(f.shape) + 0.5) / (sum(e.days) + 25) as rate,
             sum(f.shape::double precision ^ 2) as xx, sum(f.shape::double precision * e.days) as xe,
             sum(e.days ^ 2) as ee, sum(e.days) as e
        from likeness.image_freshness f
        join likeness.images i on i.id = f.image_id
        join likeness.products p on p.id = i.product_id
        left join likeness.supplier_rates r on r.supplier_id = p.supplier_id
       cross join lateral (
         select f.quiet_days + n.silent_days as days from likeness.news_look(f.checked_at, r, p.media_changed_at, likeness.clock()) n) e
       group by p.supplier_id) m
   cross join lateral (select m.xx - 2 * m.rate * m.xe + m.rate ^ 2 * m.ee - m.rate * m.e as excess) x
   cross join lateral (
     select case when m.images < 20 or m.ee = 0 then 0.2
                 else least(3, greatest(0.05, case when x.excess > 0 then m.rate ^ 2 * m.ee / x.excess else 3 end)) end as shape) s
   order by m.supplier_id
  on conflict (supplier_id) do update
     set shape = excluded.shape, days = excluded.days, images = excluded.images, fitted_at = excluded.fitted_at;
  get diagnostics v_fitted = row_count;
  return v_fitted;
end
$$;
comment on function likeness.fit_supplier_rates() is
  'Fits each supplier''s gamma distribution of change rates to what the looks at its pictures showed; returns how many suppliers. Part of plan_checks().';
