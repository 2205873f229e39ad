create or replace view likeness.check_history_disagrees as
select i.id as image_id, i.blob_sha256, h.blob_sha256 as history_sha256, h.shown_at,
       'The picture was changed behind finish_images(); find out by what.' as hint
  from likeness.images i
  left join lateral (
    select y.blob_sha256, y.shown_at from likeness.image_history y where y.image_id = i.id order by y.shown_at desc, y.id desc limit 1) h on true
 where i.blob_sha256 is distinct from h.blob_sha256
 union all
select y.image_id, y.blob_sha256, y.before, y.shown_at, 'One change was recorded twice; report it.'
  from (select z.image_id, z.blob_sha256, z.shown_at, lag(z.blob_sha256) over (partition by z.image_id order by z.shown_at, z.id) as before
          from likeness.image_history z) y
 where y.before = y.blob_sha256;
comment on view likeness.check_history_disagrees is 'Places whose history does not end with what they show, or holds one change twice.';
comment on column likeness.check_history_disagrees.image_id is 'The picture.';
comment on column likeness.check_history_disagrees.blob_sha256 is 'What it shows.';
comment on column likeness.check_history_disagrees.history_sha256 is 'What its history says.';
comment on column likeness.check_history_disagrees.shown_at is 'Since when.';
comment on column likeness.check_history_disagrees.hint is 'What to do.';
