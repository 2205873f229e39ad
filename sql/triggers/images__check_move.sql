create or replace function likeness.images__check_move()
returns trigger
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  if not exists (select from likeness.image_moves m where m.from_status = old.status and m.to_status = new.status) then
    raise exception 'image % cannot move from % to %', old.id, old.status, new.status
      using errcode = 'LK003', hint = 'select * from likeness.image_moves;';
  end if;
  return new;
end
$$;
comment on function likeness.images__check_move() is 'Refuses moves of images.status that image_moves does not list.';
create or replace trigger images__check_move
  before update of status on likeness.images
  for each row when (
    old.status <> new.status
    -- Of the moves that every picture makes it is known that they are listed: to ask for each were a tenth of a claim.
    and not (new.status = 'processing' and old.status in ('pending', 'outdated'))
    and not (old.status = 'processing' and new.status in ('completed', 'pending', 'outdated', 'failed')))
  execute function likeness.images__check_move();
comment on trigger images__check_move on likeness.images is 'Holds the state machine of image_moves.';
