create or replace function likeness.isolate_image(worker text, image_id bigint)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  update likeness.images i
     set is_alone = true
   where i.id = image_id and i.claimed_by is not distinct from worker and i.is_suspect;
  if not found then
    raise exception 'image % is not a suspect claimed by %', image_id, worker using errcode = 'LK001';
  end if;
end
$$;
comment on function likeness.isolate_image(text, bigint) is
  'The worker says that from now on it has nothing in hand but this suspect: its death would be the picture''s doing.';
