create or replace function likeness.add_user_images(images jsonb)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_user text := nullif(current_setting('likeness.user_id', true), '');
  v_last bigint;
  v_added int;
begin
  if v_user is null then
    raise exception 'no user: set likeness.user_id' using errcode = 'LK004';
  end if;
  -- One at a time for each user: a number is visible before the next one is given, so no cursor jumps over one.
  perform pg_advisory_xact_lock(723542, hashtext(v_user));
  select coalesce(max(u.sequence_no), 0) into v_last from likeness.user_images u where u.user_id = v_user;
  insert into likeness.user_images (user_id, sequence_no, client_key, created_at, seed, steps, url, prompt, model)
  select v_user, v_last + row_number() over (order by g.place), g.client_key, likeness.clock(), g.seed, g.steps, g.url, g.prompt, g.model
    from (select distinct on (i.client_key) i.*
            from rows from (jsonb_to_recordset(images)
                   as (client_key text, seed bigint, steps int, url text, prompt text, model text)) with ordinality
                 as i (client_key, seed, steps, url, prompt, model, place)
           order by i.client_key, i.place) g
   where not exists (select from likeness.user_images u where u.user_id = v_user and u.client_key = g.client_key);
  get diagnostics v_added = row_count;
  return v_added;
end
$$;
comment on function likeness.add_user_images(jsonb) is
  'Adds pictures of the user in the setting likeness.user_id; those whose client_key is known already add nothing. Returns how many are new.';
