create or replace view likeness.alerts as
select s.rule, s.subject, s.value, s.threshold, s.unit, s.since_at, s.says, s.hint
  from likeness.alert_status s
 where s.state = 'open'
 order by s.since_at, s.rule, s.subject;
comment on view likeness.alerts is 'What is too much now, and has been for long enough: no rows when all is well. alert_status has every measure.';
comment on column likeness.alerts.rule is 'The measure.';
comment on column likeness.alerts.subject is 'What of: a host, a task; empty: the whole system.';
comment on column likeness.alerts.value is 'What it is now.';
comment on column likeness.alerts.threshold is 'More is too much: set_alert().';
comment on column likeness.alerts.unit is 'What the measure counts.';
comment on column likeness.alerts.since_at is 'Since when.';
comment on column likeness.alerts.says is 'What it means.';
comment on column likeness.alerts.hint is 'What to do.';
