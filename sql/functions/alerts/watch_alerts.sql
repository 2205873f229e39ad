create or replace function likeness.watch_alerts()
returns table (opened int, closed int, "open" int)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_measured jsonb;
  v_opened bigint[];
  v_closed bigint[];
begin
  -- One at a time; a second one would only measure the same.
  perform pg_advisory_xact_lock(hashtext('likeness.watch_alerts'));
  -- Measured once: all that follows is about the same values.
  select coalesce(jsonb_agg(s), '[]') into v_measured from likeness.alert_status s;

  delete from likeness.alert_watch w
   where not exists (select from jsonb_populate_recordset(null::likeness.alert_status, v_measured) s where s.rule = w.rule and s.subject = w.subject and s.is_over);
  insert into likeness.alert_watch (rule, subject, over_since_at)
  select s.rule, s.subject, s.over_since_at from jsonb_populate_recordset(null::likeness.alert_status, v_measured) s where s.is_over
  on conflict (rule, subject) do nothing;

  with opened as (
    insert into likeness.alert_events (rule, subject, value, worst, threshold, opened_at)
    select s.rule, s.subject, s.value, s.value, s.threshold, v_now
      from jsonb_populate_recordset(null::likeness.alert_status, v_measured) s
     where s.state = 'open' and s.event_id is null
    returning id
  )
  select array_agg(n.id) into v_opened from opened n;
  update likeness.alert_events e
     set value = s.value, worst = greatest(e.worst, s.value)
    from jsonb_populate_recordset(null::likeness.alert_status, v_measured) s
   where e.id = s.event_id and s.is_over;
  with closed as (
    update likeness.alert_events e
       set status = 'closed', closed_at = v_now, value = s.value
      from jsonb_populate_recordset(null::likeness.alert_status, v_measured) s
     where e.id = s.event_id and not s.is_over
    returning e.id
  )
  select array_agg(c.id) into v_closed from closed c;

  perform likeness.emit_event(
            case e.status when 'open' then 'alert.opened' else 'alert.closed' end,
            jsonb_build_object('alert', e.id, 'rule', e.rule, 'subject', e.subject, 'value', e.value, 'worst', e.worst, 'threshold', e.threshold,
                               'unit', r.unit, 'says', r.says, 'hint', r.hint, 'opened_at', e.opened_at, 'closed_at', e.closed_at))
     from likeness.alert_events e
     join likeness.alert_rules r using (rule)
    where e.id = any(v_opened || v_closed);
  return query
  select coalesce(cardinality(v_opened), 0), coalesce(cardinality(v_closed), 0),
         (select count(*)::int from likeness.alert_events e where e.status = 'open');
end
$$;
comment on function likeness.watch_alerts() is
  'Measures, remembers since when what is too much, opens and closes alerts, and tells webhooks of it: once when one opens and once when it closes. Workers call it every minute.';
