create or replace function likeness.finish_delivery(delivery_id bigint, attempt int, http_status int default null, error text default null)
returns text
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  -- About a day and a half in all.
  v_waits interval[] := '{1 minute,5 minutes,30 minutes,2 hours,6 hours,12 hours,12 hours}';
  v_status text;
begin
  update likeness.webhook_deliveries d
     set status = case when finish_delivery.error is null then 'delivered' when d.attempts > cardinality(v_waits) then 'failed' else 'waiting' end,
         finished_at = case when finish_delivery.error is null or d.attempts > cardinality(v_waits) then v_now end,
         next_attempt_at = case when finish_delivery.error is not null and d.attempts <= cardinality(v_waits) then v_now + v_waits[d.attempts] end,
         http_status = finish_delivery.http_status, error = finish_delivery.error
   where d.id = delivery_id and d.status = 'waiting' and d.attempts = attempt
  returning d.status into v_status;
  return v_status;
end
$$;
comment on function likeness.finish_delivery(bigint, int, int, text) is
  'Says what became of an attempt: delivered, waiting (tried again after 1, 5, 30 minutes, 2, 6, 12 and 12 hours) or failed; null: it was claimed again meanwhile.';
