create or replace view likeness.image_intervals as
select h.image_id, h.product_id, h.canonical_product_id, h.position, h.shown_at, n.shown_at as shown_until, h.cause, h.blob_sha256 as sha256, h.id as history_id
  from likeness.image_history h
  left join lateral (
    select y.shown_at
      from likeness.image_history y
     where y.image_id = h.image_id and (y.shown_at, y.id) > (h.shown_at, h.id)
     order by y.shown_at, y.id
     limit 1) n on true;
comment on view likeness.image_intervals is 'Which bytes each place showed, from when until when. Ask by product_id or image_id.';
comment on column likeness.image_intervals.image_id is 'The picture.';
comment on column likeness.image_intervals.product_id is 'Its product then; null: a shared picture.';
comment on column likeness.image_intervals.canonical_product_id is 'The real-world product that shared it then.';
comment on column likeness.image_intervals.position is 'Its position then.';
comment on column likeness.image_intervals.shown_at is 'From when on.';
comment on column likeness.image_intervals.shown_until is 'Until when; null: still.';
comment on column likeness.image_intervals.cause is 'What began it: mirrored, moved, removed, rolled back, released ...';
comment on column likeness.image_intervals.sha256 is 'The bytes; null: nothing was shown.';
comment on column likeness.image_intervals.history_id is 'The row of image_history.';
