create or replace function likeness.reject_change(review_id bigint, decided_by text default session_user)
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_review likeness.change_reviews;
begin
  perform likeness.need_person(reject_change.decided_by);
  v_review := likeness.lock_change(review_id);
  update likeness.change_reviews r
     set decision = 'rejected', decided_at = likeness.clock(), decided_by = reject_change.decided_by
   where r.id = v_review.id;
  return v_review.image_id;
end
$$;
comment on function likeness.reject_change(bigint, text) is
  'Keeps the old picture of a held change; the same bytes are not taken for this place again. Returns the image. LK003: somebody decided before. Example: select likeness.reject_change(17);';
