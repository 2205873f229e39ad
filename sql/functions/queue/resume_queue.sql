create or replace function likeness.resume_queue()
returns void
language sql
volatile parallel unsafe
begin atomic
  update likeness.queue_control set is_paused = false, paused_at = null, reason = null;
  select pg_notify('likeness_work', '');
end;
comment on function likeness.resume_queue() is 'Lets a paused queue go on at once.';
