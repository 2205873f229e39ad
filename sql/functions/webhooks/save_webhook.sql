create or replace function likeness.save_webhook(url text, events text[] default '{*}', secret text default null, is_active boolean default true)
returns table (webhook_id bigint, signing_secret text)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_known constant text[] := '{alert.opened,alert.closed}';
  v_unknown text;
  v_id bigint;
  v_secret text;
begin
  -- Whoever reads the database reads addresses; what may be a password is not said back either.
  if coalesce(url, '') !~* '^https?://[^/?#[:space:]]+' then
    raise exception 'a webhook needs an address that begins with http:// or https:// and a host' using errcode = 'LK004';
  end if;
  if url ~ '^[A-Za-z]+://[^/?#]*@' then
    raise exception 'the address of a webhook cannot hold a user and password: everybody who reads the database would see them' using errcode = 'LK004';
  end if;
  if coalesce(cardinality(save_webhook.events), 0) = 0 or array_position(save_webhook.events, null) is not null then
    raise exception 'a webhook needs at least one event and none that is null: they are %, alert.* and *', array_to_string(v_known, ', ') using errcode = 'LK004';
  end if;
  if length(save_webhook.secret) < 16 then
    raise exception 'the secret of a webhook must have 16 characters or more, or be null, not %', length(save_webhook.secret) using errcode = 'LK004';
  end if;
  if save_webhook.is_active is null then
    raise exception 'is_active must be true or false, not null' using errcode = 'LK004';
  end if;
  select string_agg(e.event, ', ') into v_unknown
    from unnest(save_webhook.events) e (event)
   where not exists (
     select from unnest(v_known) k (event) where likeness.wants_event(e.event, k.event));
  if v_unknown is not null then
    raise exception 'there is no event %: they are %, alert.* and *', v_unknown, array_to_string(v_known, ', ') using errcode = 'LK004';
  end if;
  insert into likeness.webhooks as w (url, events, status, created_at)
  values (save_webhook.url, save_webhook.events, case when is_active then 'active' else 'paused' end, likeness.clock())
  on conflict (url) do update set events = excluded.events, status = excluded.status
  returning id into v_id;
  insert into likeness.webhook_secrets as s (webhook_id, secret)
  values (v_id, coalesce(save_webhook.secret, replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')))
  on conflict (webhook_id) do update set secret = coalesce(save_webhook.secret, s.secret)
  returning s.secret into v_secret;
  return query select v_id, v_secret;
end
$$;
comment on function likeness.save_webhook(text, text[], text, boolean) is
  'Has events posted to an address from now on, or changes which; the secret that signs them is made unless given, and stays unless given anew.';
