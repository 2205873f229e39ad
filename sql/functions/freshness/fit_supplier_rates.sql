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
  -- change in 25 days is taken for known of everybody, and as much as 200 pictures of the average supplier show is added to each, so
  -- that a small one is not judged by chance.
  insert into likeness.supplier_rates as r (supplier_id, shape, days, images, fitted_at)
  with picture as (
    select p.supplier_id, f.shape::double precision as x, f.quiet_days + n.silent_days as e
      from likeness.image_freshness f
      join likeness.images i on i.id = f.image_id
      join likeness.products p on p.id = i.product_id
      left join likeness.supplier_rates r on r.supplier_id = p.supplier_id
     cross join lateral likeness.news_look(f.checked_at, r, p.media_changed_at, likeness.clock()) n
  ),
  supplier as materialized (
    select c.supplier_id, count(*)::int as images, sum(c.x) as x, sum(c.e) as e, sum(c.x * c.x) as xx, sum(c.x * c.e) as xe, sum(c.e * c.e) as ee
      from picture c
     group by c.supplier_id
  )
  select s.supplier_id, k.shape, k.shape / m.rate, s.images, likeness.clock()
    from supplier s
   cross join (
     select 200 / sum(a.images)::double precision as share, sum(a.x) as x, sum(a.e) as e, sum(a.xx) as xx, sum(a.xe) as xe, sum(a.ee) as ee from supplier a) a
   cross join lateral (
     select s.x + a.share * a.x as x, s.e + a.share * a.e as e, s.xx + a.share * a.xx as xx, s.xe + a.share * a.xe as xe, s.ee + a.share * a.ee as ee,
            -- The mean is the supplier's own sooner than the shape.
            (s.x + 0.5 + 0.1 * a.share * a.x) / (s.e + 25 + 0.1 * a.share * a.e) as rate) m
   cross join lateral (select (m.x + 0.5) / (m.e + 25) as pooled) o
   cross join lateral (select m.xx - 2 * o.pooled * m.xe + o.pooled ^ 2 * m.ee - o.pooled * m.e as excess) x
   cross join lateral (
     select least(3, greatest(0.02, case when x.excess > 0 then o.pooled ^ 2 * m.ee / x.excess else 3 end)) as shape) k
   order by s.supplier_id
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
