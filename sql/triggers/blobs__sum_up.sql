create or replace function likeness.blobs__sum_up()
returns trigger
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  select s.sizes, s.srcset into new.sizes, new.srcset from likeness.sum_up_renditions(new.renditions) s;
  return new;
end
$$;
comment on function likeness.blobs__sum_up() is 'Keeps blobs.sizes and blobs.srcset true to blobs.renditions.';
create or replace trigger blobs__sum_up
  before insert or update of renditions on likeness.blobs
  for each row
  execute function likeness.blobs__sum_up();
comment on trigger blobs__sum_up on likeness.blobs is 'Sums renditions up when they are written, since they are read a thousand times as often.';
