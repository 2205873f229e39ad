create or replace function likeness.learn_looks(looks likeness.look[])
returns bigint[]
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  c_memory_days constant double precision := 90;
  v_now timestamptz := likeness.clock();
  v_price double precision;
  v_lost bigint[];
begin
  with first as materialized (
    select l.image_id, coalesce(l.supplier_id, 0) as supplier_id,
           -- How long it has been as it is counts for half, and for 4 days at most: nobody has seen the server tell the truth yet.
           least(4, 0.5 * greatest(0, coalesce(extract(epoch from v_now - l.changed_at) / 86400, 0)))::double precision as quiet_days
      from unnest(looks) l
     where l.result = 'first'
  ),
  -- To find an interval takes a dozen steps, and nearly all of a supplier's new pictures have the same.
  rhythm as materialized (
    select k.supplier_id, k.quiet_days, likeness.check_interval(coalesce(r.shape, 0.2), coalesce(r.days, 10) + k.quiet_days, c.price) as days
      from (select distinct i.supplier_id, i.quiet_days from first i) k
     cross join likeness.check_plan c
      left join likeness.supplier_rates r on r.supplier_id = k.supplier_id
  )
  insert into likeness.image_freshness as f (image_id, checked_at, seen_at, quiet_days, next_check_at)
  select i.image_id, v_now, v_now, i.quiet_days,
         v_now + make_interval(secs => 86400 * (0.25 + 0.75 * likeness.spread(i.image_id)) * k.days)
    from first i
    join rhythm k using (supplier_id, quiet_days)
   order by i.image_id
  on conflict (image_id) do update
     set checked_at = excluded.checked_at, seen_at = excluded.seen_at, shape = 0, quiet_days = excluded.quiet_days, failed_checks = 0,
         next_check_at = excluded.next_check_at, suspicion = 0, suspected_with = null, failure_text = null;
  if not exists (select from unnest(looks) l where l.result <> 'first') then
    return '{}';
  end if;

  select c.price into v_price from likeness.check_plan c;
  -- In one order, before any of them is changed; where nothing changed, nobody waits for anybody.
  perform 1
     from likeness.supplier_rates r
    where r.supplier_id in (
      select l.supplier_id
        from unnest(looks) l
        left join likeness.image_freshness f on f.image_id = l.image_id
       where l.result = 'changed' or f.suspicion > 0)
    order by r.supplier_id
      for no key update;
  update likeness.supplier_rates r
     set mate_checks = r.mate_checks + s.mate_checks, mate_changes = r.mate_changes + s.mate_changes,
         row_checks = r.row_checks + s.row_checks, row_changes = r.row_changes + s.row_changes
    from (select l.supplier_id,
                 (count(*) filter (where f.suspected_with = 'product'))::real as mate_checks,
                 (count(*) filter (where f.suspected_with = 'product' and l.result = 'changed'))::real as mate_changes,
                 (count(*) filter (where f.suspected_with = 'row'))::real as row_checks,
                 (count(*) filter (where f.suspected_with = 'row' and l.result = 'changed'))::real as row_changes
            from unnest(looks) l
            join likeness.image_freshness f on f.image_id = l.image_id
           where f.suspicion > 0 and l.is_check and l.result <> 'failed'
           group by l.supplier_id) s
   where r.supplier_id = s.supplier_id;

  -- Did the feed tell before the look did? Where the source does not date its pictures, by how much of the time the feed knew.
  update likeness.supplier_rates r
     set news_hits = r.news_hits + s.hits, news_misses = r.news_misses + s.misses
    from (select l.supplier_id, (count(*) filter (where l.was_announced))::real as hits,
                 coalesce(sum(case when l.changed_at is not null then (l.changed_at < n.news_at)::int
                                   else extract(epoch from n.news_at - f.checked_at) / nullif(extract(epoch from v_now - f.checked_at), 0) end)
                            filter (where l.is_check and n.news_at > f.checked_at), 0)::real as misses
            from unnest(looks) l
            join likeness.image_freshness f on f.image_id = l.image_id
            join likeness.supplier_rates n on n.supplier_id = l.supplier_id
            join likeness.products p on p.id = l.product_id and p.media_changed_at is not null
           where l.result = 'changed'
           group by l.supplier_id) s
   where r.supplier_id = s.supplier_id;

  with look as (
    select l.*, f.failed_checks, likeness.spread(l.image_id) as spread,
           coalesce(r.shape, 0.2)::double precision as prior_shape, coalesce(r.days, 10)::double precision as prior_days,
           e.elapsed, e.kept * f.shape as shape, e.kept * f.quiet_days as quiet_days,
           -- A server that dates its pictures tells how long the last change is over.
           case when l.changed_at between v_now - make_interval(secs => 86400 * e.elapsed) and v_now and not coalesce(l.has_same_validators, false)
             then extract(epoch from v_now - l.changed_at) / 86400 end as quiet_since,
           likeness.check_weight(f.viewed_at, greatest(p.priority, d.priority), v_now) as weight
      from unnest(looks) l
      join likeness.image_freshness f on f.image_id = l.image_id
      left join likeness.supplier_rates r on r.supplier_id = l.supplier_id
      left join likeness.suppliers p on p.id = l.supplier_id
      left join likeness.products o on o.id = l.product_id
      left join likeness.datasets d on d.id = o.dataset_id
     cross join lateral (
       select x.elapsed, power(0.5, x.elapsed / c_memory_days) as kept
         from (select greatest(0, extract(epoch from v_now - case when l.result = 'changed' and l.said_unmodified then f.seen_at else f.checked_at end) / 86400) as elapsed) x) e
     where l.result in ('unmodified', 'same', 'changed')
  ),
  learned as (
    select k.*,
           case when k.result <> 'changed' then k.shape
                when k.quiet_since is not null then k.shape + 1
                else greatest(0, c.shape - k.prior_shape) end as new_shape,
           case when k.result <> 'changed' then k.quiet_days + k.elapsed
                when k.quiet_since is not null then k.quiet_days + k.quiet_since
                else greatest(0, c.days - k.prior_days) end as new_quiet_days
      from look k
      left join lateral likeness.learn_change(k.prior_shape + k.shape, k.prior_days + k.quiet_days, k.elapsed) c
        on k.result = 'changed' and k.quiet_since is null
  )
  update likeness.image_freshness f
     set checks = f.checks + 1, changes = f.changes + (n.result = 'changed')::int, failed_checks = 0, failure_text = null,
         shape = n.new_shape, quiet_days = n.new_quiet_days, checked_at = v_now,
         seen_at = case when n.result = 'unmodified' then f.seen_at else v_now end,
         changed_at = case when n.result = 'changed' then v_now else f.changed_at end,
         suspicion = 0, suspected_with = null,
         next_check_at = v_now + make_interval(secs => 86400 * (0.9 + 0.2 * n.spread)
           * likeness.check_interval(n.prior_shape + n.new_shape, n.prior_days + n.new_quiet_days, v_price / n.weight))
    from learned n
   where f.image_id = n.image_id;

  -- A check without an answer changes nothing; it is made again later, and only the third that says "gone for good", days after the first,
  -- makes the picture fail.
  with failed as (
    update likeness.image_freshness f
       set failed_checks = least(f.failed_checks + 1, 1000), failure_text = l.failure_text,
           next_check_at = v_now + case when l.is_permanent then interval '1 day' else least(interval '1 day', interval '1 hour' * 2 ^ least(f.failed_checks, 5)) end
      from unnest(looks) l
     where f.image_id = l.image_id and l.is_check and l.result = 'failed'
    returning f.image_id, f.failed_checks >= 3 and l.is_permanent as is_lost
  )
  select coalesce(array_agg(f.image_id) filter (where f.is_lost), '{}') into v_lost from failed f;
  return v_lost;
end
$$;
comment on function likeness.learn_looks(likeness.look[]) is
  'Keeps what looks taught about the change rates of pictures, and sets their next checks; returns those whose source is gone for good. Part of learn_freshness().';
