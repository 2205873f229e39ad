create or replace view likeness.check_history_disagrees as
select i.id as image_id, i.blob_sha256, h.blob_sha256 as history_sha256, h.shown_at,
       'The picture was changed by something that writes no history; find out by what.' as hint
  from likeness.images i
  left join lateral (
    select y.* from likeness.image_history y where y.image_id = i.id order by y.shown_at desc, y.id desc limit 1) h on true
 where i.blob_sha256 is distinct from h.blob_sha256
    or (i.blob_sha256 is not null
        and (i.product_id, i.canonical_product_id, i.position) is distinct from (h.product_id, h.canonical_product_id, h.position))
 union all
select y.image_id, y.blob_sha256, y.blob_sha256, y.shown_at, 'One change was recorded twice; report it.'
  from (select z.image_id, z.blob_sha256, z.shown_at,
               row(z.blob_sha256, z.product_id, z.canonical_product_id, z.position) as shows,
               lag(row(z.blob_sha256, z.product_id, z.canonical_product_id, z.position)) over (partition by z.image_id order by z.shown_at, z.id) as showed
          from likeness.image_history z) y
 where y.blob_sha256 is not null and y.shows is not distinct from y.showed;
comment on view likeness.check_history_disagrees is 'Places whose history does not end with what they show, or holds one change twice.';
comment on column likeness.check_history_disagrees.image_id is 'The picture.';
comment on column likeness.check_history_disagrees.blob_sha256 is 'What it shows.';
comment on column likeness.check_history_disagrees.history_sha256 is 'What its history says.';
comment on column likeness.check_history_disagrees.shown_at is 'Since when.';
comment on column likeness.check_history_disagrees.hint is 'What to do.';
