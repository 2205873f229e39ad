create or replace function likeness.set_alert(
  rule text, threshold double precision default null, lasting interval default null, is_enabled boolean default null
)
returns likeness.alert_rules
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_rule likeness.alert_rules;
begin
  if not (set_alert.threshold >= 0 and set_alert.threshold < 'infinity') then
    raise exception 'threshold must be a number of 0 or more, or null, not %', set_alert.threshold using errcode = 'LK004';
  end if;
  perform likeness.need_time('lasting', coalesce(set_alert.lasting, interval '0'));
  update likeness.alert_rules r
     set threshold = coalesce(set_alert.threshold, r.threshold), lasting = coalesce(set_alert.lasting, r.lasting),
         is_enabled = coalesce(set_alert.is_enabled, r.is_enabled)
   where r.rule = set_alert.rule
  returning r.* into v_rule;
  if not found then
    raise exception 'there is no alert "%"', rule using errcode = 'LK002', hint = 'select rule, says from likeness.alert_rules;';
  end if;
  return v_rule;
end
$$;
comment on function likeness.set_alert(text, double precision, interval, boolean) is
  'Changes when a measure is an alert; what is left out stays. Example: select likeness.set_alert(''pending'', threshold => 5000, lasting => ''2 hours'');';
