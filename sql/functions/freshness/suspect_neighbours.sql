create or replace function likeness.suspect_neighbours(looks likeness.look[])
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_price double precision := (select c.price from likeness.check_plan c);
begin
  if not exists (select from unnest(looks) l where l.result = 'changed' and l.is_check and l.product_id is not null) then
    return;
  end if;
  insert into likeness.supplier_rates (supplier_id, shape, days)
  select distinct l.supplier_id, 0.2, 10
    from unnest(looks) l
   where l.result = 'changed' and l.supplier_id is not null
   order by 1
  on conflict (supplier_id) do nothing;
  -- How often a neighbour had changed too is known of each supplier; at first it is taken for one in two (product) or eight (row).
  with suspect as (
    select distinct on (n.image_id) n.image_id, n.suspected_with, n.suspicion
      from unnest(looks) l
      join likeness.image_freshness c on c.image_id = l.image_id
      join likeness.supplier_rates r on r.supplier_id = l.supplier_id
     -- A second product nearby that changed lately, though it seldom does, is hardly chance: the row is done anew.
     cross join lateral (
       select w.has_company, case when w.has_company then 12 else 6 end as reach
         from (select exists (
                 select from likeness.images g
                   join likeness.image_freshness a on a.image_id = g.id
                   join likeness.products p on p.id = g.product_id
                  where g.id between l.image_id - 24 and l.image_id + 24 and g.product_id <> l.product_id and p.supplier_id = l.supplier_id
                    and a.changed_at > v_now - interval '3 days' and (a.changes <= 1 or a.checks >= 6 * a.changes)) as has_company) w) e
     cross join lateral (
       select g.id as image_id, 'product' as suspected_with, (r.mate_changes + 2.0) / (r.mate_checks + 4.0) as suspicion
         from likeness.images g
        where g.product_id = l.product_id and g.id <> l.image_id
       union all
       select g.id, 'row', greatest((r.row_changes + 1.0) / (r.row_checks + 8.0), case when e.has_company then 0.5 end)
         from likeness.images g
         join likeness.products p on p.id = g.product_id
        where g.id between l.image_id - e.reach and l.image_id + e.reach and g.product_id <> l.product_id and p.supplier_id = l.supplier_id) n
     where l.result = 'changed' and l.is_check
       -- One that changes all the time says nothing of its neighbours.
       and (c.changes <= 1 or c.checks >= 6 * c.changes)
     order by n.image_id, n.suspicion desc
  ),
  raised as (
    select f.image_id
      from likeness.image_freshness f
      join suspect s on s.image_id = f.image_id
     where f.suspicion < s.suspicion
       and f.checked_at < v_now - interval '1 hour'
       -- Those that were part of it have told already.
       and (f.changed_at is null or f.changed_at < v_now - interval '1 day')
       -- A look that would come anyway soon is left to its time.
       and f.next_check_at > v_now and s.suspicion * extract(epoch from f.next_check_at - v_now) / 86400 > v_price
       and not f.image_id in (select l.image_id from unnest(looks) l)
     order by f.image_id
       for no key update of f skip locked
  )
  update likeness.image_freshness f
     set next_check_at = v_now, suspicion = s.suspicion::real, suspected_with = s.suspected_with
    from suspect s
   where f.image_id = s.image_id and f.image_id in (select a.image_id from raised a);
end
$$;
comment on function likeness.suspect_neighbours(likeness.look[]) is
  'Suppliers change pictures together: where a check found a change, the other pictures of the product, and those imported beside it, are looked at next, if that has paid with this supplier. Part of learn_freshness().';
