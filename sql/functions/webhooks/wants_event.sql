create or replace function likeness.wants_event(pattern text, event text)
returns boolean
language sql
immutable parallel safe
begin atomic
  select wants_event.event = wants_event.pattern
      or (right(wants_event.pattern, 1) = '*' and starts_with(wants_event.event, left(wants_event.pattern, -1)));
end;
comment on function likeness.wants_event(text, text) is
  'Whether what a webhook asks for (alert.opened, alert.*, *) is this event. Part of emit_event() and save_webhook().';
