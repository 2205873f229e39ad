create or replace view likeness.webhook_status as
select w.id as webhook_id, w.status, w.url, w.events, d.waiting, d.delivered, d.failed, d.oldest_at, l.http_status as last_http_status, l.error as last_error, d.last_delivered_at
  from likeness.webhooks w
 cross join lateral (
   select count(*) filter (where y.status = 'waiting') as waiting, count(*) filter (where y.status = 'delivered') as delivered,
          count(*) filter (where y.status = 'failed') as failed, min(y.created_at) filter (where y.status = 'waiting') as oldest_at,
          max(y.finished_at) filter (where y.status = 'delivered') as last_delivered_at
     from likeness.webhook_deliveries y
    where y.webhook_id = w.id) d
  left join lateral (
    select y.http_status, y.error from likeness.webhook_deliveries y where y.webhook_id = w.id and y.attempts > 0 order by y.id desc limit 1) l on true
 order by w.id;
comment on view likeness.webhook_status is 'Who hears of events, what waits for them, and what they answered. Those of the last 14 days.';
comment on column likeness.webhook_status.webhook_id is 'Key.';
comment on column likeness.webhook_status.status is 'active or paused.';
comment on column likeness.webhook_status.url is 'Where events are posted.';
comment on column likeness.webhook_status.events is 'Which events.';
comment on column likeness.webhook_status.waiting is 'Deliveries to come.';
comment on column likeness.webhook_status.delivered is 'Deliveries taken.';
comment on column likeness.webhook_status.failed is 'Deliveries given up: retry_deliveries().';
comment on column likeness.webhook_status.oldest_at is 'Since when the first of those to come waits.';
comment on column likeness.webhook_status.last_http_status is 'What the receiver answered last.';
comment on column likeness.webhook_status.last_error is 'Why it did not take it.';
comment on column likeness.webhook_status.last_delivered_at is 'When one was last taken.';
