create or replace function likeness.remove_webhook(url text)
returns boolean
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  delete from likeness.webhooks w where w.url = remove_webhook.url;
  if not found then
    raise exception 'there is no webhook "%"', url using errcode = 'LK002', hint = 'select url from likeness.webhooks;';
  end if;
  return true;
end
$$;
comment on function likeness.remove_webhook(text) is 'Forgets a webhook, its secret and its outbox.';
