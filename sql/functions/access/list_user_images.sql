create or replace function likeness.list_user_images(after bigint, most int)
returns table (sequence_no bigint, client_key text, created_at timestamptz, seed bigint, steps int, url text, prompt text, model text)
language sql
stable parallel safe
begin atomic
  select u.sequence_no, u.client_key, u.created_at, u.seed, u.steps, u.url, u.prompt, u.model
    from likeness.user_images u
   where u.user_id = nullif(current_setting('likeness.user_id', true), '')
     and u.sequence_no > list_user_images.after
   order by u.sequence_no
   limit list_user_images.most;
end;
comment on function likeness.list_user_images(bigint, int) is
  'Pictures of the user in the setting likeness.user_id after a cursor, oldest first.';
