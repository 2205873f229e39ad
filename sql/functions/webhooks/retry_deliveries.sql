create or replace function likeness.retry_deliveries(url text default null)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_retried int;
begin
  if retry_deliveries.url is not null and not exists (select from likeness.webhooks w where w.url = retry_deliveries.url) then
    raise exception 'there is no webhook "%"', url using errcode = 'LK002', hint = 'select url from likeness.webhooks;';
  end if;
  update likeness.webhook_deliveries d
     set status = 'waiting', attempts = 0, next_attempt_at = likeness.clock(), finished_at = null
    from likeness.webhooks w
   where w.id = d.webhook_id and d.status = 'failed' and (retry_deliveries.url is null or w.url = retry_deliveries.url);
  get diagnostics v_retried = row_count;
  return v_retried;
end
$$;
comment on function likeness.retry_deliveries(text) is 'Tries deliveries again that were given up, of one webhook or all; returns how many.';
