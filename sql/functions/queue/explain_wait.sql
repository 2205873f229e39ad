create or replace function likeness.explain_wait(image likeness.images, now_at timestamptz)
returns table (answer text, hint text)
language sql
stable parallel safe
begin atomic
  select case
           when q.is_paused then 'It waits: the whole queue is paused' || coalesce(': ' || q.reason, '') || '.'
           when h.paused then format('It waits: its host %s is paused.', h.host)
           when h.blocked_until > explain_wait.now_at then format('It waits: its host %s is blocked until %s: %s.', h.host, likeness.tell_time(h.blocked_until, explain_wait.now_at), rtrim(h.blocked_reason, '.'))
           when not w.is_working then 'It waits, and no worker runs that would claim it.'
           when h.parked_for = 'limit' then format('It waits: its host %s has as many pictures in hand as its limit of %s allows.', h.host, h.max_in_flight)
           when h.parked_for = 'empty' then format('It waits, and its host %s is parked by mistake.', h.host)
           else format('It waits for its turn since %s, with %s before it on %s.', likeness.tell_time((image).queued_at, explain_wait.now_at),
                       case when b.before >= 1000 then 'more than 1000' else b.before::text end, h.host) end,
         case
           when q.is_paused then 'select likeness.resume_queue();'
           when h.paused or h.blocked_until > explain_wait.now_at then format('select likeness.resume_host(%L);', h.host)
           when not w.is_working then 'Start one: likeness worker. See worker_status.'
           when h.parked_for = 'limit' then format('Wait, or: select likeness.set_host_limits(%L, max_in_flight => %s);', h.host, h.max_in_flight * 2)
           when h.parked_for = 'empty' then 'select likeness.heal_hosts();'
           else format('Wait, or: select likeness.set_priority(array[%s], 3);', (image).product_id) end
    from likeness.queue_control q
    join likeness.hosts h on h.id = (image).host_id
   cross join lateral (
     select exists (select
                      from likeness.workers k
                     where k.status = 'running' and k.drain_asked_at is null and k.seen_at > explain_wait.now_at - interval '2 minutes') as is_working) w
   cross join lateral (
     select count(*) as before
       from (select
               from likeness.images i
              where i.host_id = h.id and i.queued_at is not null and i.retry_at is null
                and (i.priority > (image).priority or (i.priority = (image).priority and (i.queued_at, i.id) < ((image).queued_at, (image).id)))
              limit 1000) o) b;
end;
comment on function likeness.explain_wait(likeness.images, timestamptz) is 'The sentence of explain_image() for a picture that waits in the queue.';
