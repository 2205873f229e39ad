create or replace function likeness.emit_event(event text, payload jsonb)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_deliveries int;
begin
  insert into likeness.webhook_deliveries (webhook_id, event, created_at, next_attempt_at, payload)
  select w.id, emit_event.event, likeness.clock(), likeness.clock(), emit_event.payload
    from likeness.webhooks w
   where w.status = 'active'
     and exists (select from unnest(w.events) e where likeness.wants_event(e, emit_event.event));
  get diagnostics v_deliveries = row_count;
  return v_deliveries;
end
$$;
comment on function likeness.emit_event(text, jsonb) is
  'Puts an event into the outbox of each webhook that wants it, in the transaction of what happened; returns how many.';
