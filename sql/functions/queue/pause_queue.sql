create or replace function likeness.pause_queue(reason text default null)
returns void
language sql
volatile parallel unsafe
begin atomic
  update likeness.queue_control
     set is_paused = true, paused_at = coalesce(queue_control.paused_at, likeness.clock()), reason = coalesce(pause_queue.reason, queue_control.reason);
end;
comment on function likeness.pause_queue(text) is
  'Stops all claims; what is in hand is finished, and queueing goes on. Example: select likeness.pause_queue(''the store moves'');';
