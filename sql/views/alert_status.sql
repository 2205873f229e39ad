create or replace view likeness.alert_status as
select r.rule, m.subject,
       case when e.id is not null and (not o.is_over or not r.is_enabled) then 'closing'
            when e.id is not null or (o.is_over and o.over_since_at <= likeness.clock() - r.lasting) then 'open'
            when o.is_over then 'rising' else 'ok' end as state,
       coalesce(m.value, 0) as value, r.threshold, coalesce(e.opened_at, case when o.is_over then o.over_since_at end) as since_at,
       r.lasting, r.unit, r.says, r.hint, e.id as event_id, o.is_over, o.over_since_at
  from likeness.alert_rules r
  left join (
    select a.rule, a.subject, a.value, a.evident_since_at from likeness.alert_measures a
     union all
    -- What is open and is not measured any more, as a host that was deleted.
    select v.rule, v.subject, null, null
      from likeness.alert_events v
     where v.status = 'open' and not exists (select from likeness.alert_measures a where a.rule = v.rule and a.subject = v.subject)) m on m.rule = r.rule
  left join likeness.alert_watch w on w.rule = m.rule and w.subject = m.subject
  left join likeness.alert_events e on e.rule = m.rule and e.subject = m.subject and e.status = 'open'
 cross join lateral (
   -- An open alert closes a little below its threshold, so that it does not flicker.
   select coalesce(r.is_enabled and m.value > r.threshold * case when e.id is not null then 0.9 else 1 end, false) as is_over,
          least(coalesce(w.over_since_at, likeness.clock()), m.evident_since_at) as over_since_at) o
 where m.subject is not null;
comment on view likeness.alert_status is 'Every measure beside its threshold: ok, rising (too much, but not for long enough), open or closing.';
comment on column likeness.alert_status.rule is 'The measure.';
comment on column likeness.alert_status.subject is 'What of: a host, a task; empty: the whole system.';
comment on column likeness.alert_status.state is 'ok, rising, open, or closing (open until watch_alerts() looks again).';
comment on column likeness.alert_status.value is 'What it is now.';
comment on column likeness.alert_status.threshold is 'More is too much: set_alert().';
comment on column likeness.alert_status.since_at is 'Since when it is open, or too much.';
comment on column likeness.alert_status.lasting is 'How long it must be too much before it opens.';
comment on column likeness.alert_status.unit is 'What the measure counts.';
comment on column likeness.alert_status.says is 'What it means.';
comment on column likeness.alert_status.hint is 'What to do.';
comment on column likeness.alert_status.event_id is 'Its row of alert_events while it is open.';
comment on column likeness.alert_status.is_over is 'It is too much now.';
comment on column likeness.alert_status.over_since_at is 'Since when, where it is.';
