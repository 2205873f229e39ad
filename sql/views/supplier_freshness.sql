create or replace view likeness.supplier_freshness as
select s.name as supplier, f.images, f.checks, f.changes, f.due, f.failing,
       round((30 * r.shape / r.days)::numeric, 2) as changes_a_month,
       v.trust as validators, v.lies, v.proofs,
       case when r.news_hits + r.news_misses >= 3 then round((r.news_hits / (r.news_hits + r.news_misses))::numeric, 2) end as told_by_feed,
       f.oldest_seen_at, f.last_change_at,
       case when v.trust = 'lying' then 'Its servers say "not modified" of pictures that changed: all is fetched whole. Tell the supplier.'
            when v.trust = 'noisy' then 'Its servers give the same pictures new validators: each check fetches the bytes. Tell the supplier.'
            when f.failing > 0.1 * f.images then 'Many checks have no answer: see host_health.'
            else 'Nothing to do.' end as hint
  from likeness.suppliers s
  join (
    select p.supplier_id, count(*) as images, sum(t.checks) as checks, sum(t.changes) as changes, count(*) filter (where t.next_check_at <= likeness.clock()) as due,
           count(*) filter (where t.failed_checks > 0) as failing, min(t.seen_at) as oldest_seen_at, max(t.changed_at) as last_change_at,
           array_agg(distinct i.host_id) as host_ids
      from likeness.image_freshness t
      join likeness.images i on i.id = t.image_id
      join likeness.products p on p.id = i.product_id
     group by p.supplier_id) f on f.supplier_id = s.id
  left join likeness.supplier_rates r on r.supplier_id = s.id
  left join lateral (
    -- The worst of its hosts stands for it.
    select (array_agg(h.trust order by array_position('{lying,noisy,untested,honest}', h.trust)))[1] as trust, sum(h.lies) as lies, sum(h.proofs) as proofs
      from likeness.host_validators h
     where h.host_id = any(f.host_ids)) v on true
 order by f.images desc, s.name;
comment on view likeness.supplier_freshness is 'How often do a supplier''s pictures change, and what are its servers'' and feeds'' words worth?';
comment on column likeness.supplier_freshness.supplier is 'The supplier.';
comment on column likeness.supplier_freshness.images is 'Its pictures that are checked.';
comment on column likeness.supplier_freshness.checks is 'Looks at their sources so far.';
comment on column likeness.supplier_freshness.changes is 'Looks that found other bytes.';
comment on column likeness.supplier_freshness.due is 'Pictures whose time has come.';
comment on column likeness.supplier_freshness.failing is 'Pictures whose last check had no answer.';
comment on column likeness.supplier_freshness.changes_a_month is 'Estimated changes a picture and 30 days: 30 shape / days of supplier_rates.';
comment on column likeness.supplier_freshness.validators is 'What its hosts'' validators are worth, by the worst of them: honest, untested, noisy or lying.';
comment on column likeness.supplier_freshness.lies is 'Changes that validators hid.';
comment on column likeness.supplier_freshness.proofs is 'Changes that validators told of.';
comment on column likeness.supplier_freshness.told_by_feed is 'Share of the changes that its feed tells of by media_changed_at; null: too few to say.';
comment on column likeness.supplier_freshness.oldest_seen_at is 'When the bytes were fetched that are longest unseen.';
comment on column likeness.supplier_freshness.last_change_at is 'When a look last found other bytes.';
comment on column likeness.supplier_freshness.hint is 'What to do.';
