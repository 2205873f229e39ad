create or replace function likeness.approve_change(review_id bigint, decided_by text default session_user)
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_review likeness.change_reviews;
  v_image likeness.images;
begin
  perform likeness.need_person(approve_change.decided_by);
  v_review := likeness.lock_change(review_id);
  -- Now that it is locked: history is ordered by time, and whoever had it before has written its own.
  v_now := likeness.clock();
  select i.* into v_image from likeness.images i where i.id = v_review.image_id;
  if v_image.blob_sha256 is distinct from v_review.old_sha256 then
    raise exception 'image % shows another picture by now than the one that change % was about', v_image.id, review_id
      using errcode = 'LK003', hint = 'Reject the change, or refresh the picture.';
  end if;
  perform 1 from likeness.blobs b where b.sha256 = v_review.new_sha256 and b.status = 'stored' for key share;
  if not found then
    raise exception 'the new bytes of change % are gone', review_id using errcode = 'LK003', hint = 'Refresh the picture: its source is asked again.';
  end if;
  update likeness.images i
     set blob_sha256 = v_review.new_sha256, mirrored_at = v_now, updated_at = v_now
   where i.id = v_image.id;
  insert into likeness.image_history (image_id, product_id, canonical_product_id, position, blob_sha256, shown_at, cause)
  values (v_image.id, v_image.product_id, v_image.canonical_product_id, v_image.position, v_review.new_sha256, v_now, 'change approved');
  update likeness.change_reviews r
     set decision = 'approved', decided_at = v_now, decided_by = approve_change.decided_by
   where r.id = v_review.id;
  perform pg_notify('likeness_finished', coalesce(v_image.product_id::text, ''));
  return v_image.id;
end
$$;
comment on function likeness.approve_change(bigint, text) is
  'Shows the new picture of a held change from now on; returns the image. LK003: somebody decided before, or the place shows something else by now. Example: select likeness.approve_change(17);';
