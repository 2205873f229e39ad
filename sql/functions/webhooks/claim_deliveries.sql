create or replace function likeness.claim_deliveries(most int default 20, lease interval default '2 minutes')
returns table (delivery_id bigint, attempt int, url text, secret text, event text, created_at timestamptz, payload jsonb)
language sql
volatile parallel unsafe
begin atomic
  with due as materialized (
    select d.id
      from likeness.webhook_deliveries d
     where d.status = 'waiting' and d.next_attempt_at <= likeness.clock()
     order by d.next_attempt_at, d.id
     limit claim_deliveries.most
       for update skip locked
  ),
  claimed as (
    update likeness.webhook_deliveries d
       set attempts = d.attempts + 1, next_attempt_at = likeness.clock() + claim_deliveries.lease
      from due
     where d.id = due.id
    returning d.*
  )
  select c.id, c.attempts::int, w.url, s.secret, c.event, c.created_at, c.payload
    from claimed c
    join likeness.webhooks w on w.id = c.webhook_id
    join likeness.webhook_secrets s on s.webhook_id = w.id
   order by c.id;
end;
comment on function likeness.claim_deliveries(int, interval) is
  'Takes deliveries that are due. One whose end nobody tells within the lease is due again: a receiver may get it twice, and never not at all.';
