create or replace function likeness.lock_change(review_id bigint)
returns likeness.change_reviews
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_review likeness.change_reviews;
begin
  -- The place first: finish_images() holds it when it writes reviews.
  perform 1
     from likeness.images i
    where i.id = (select r.image_id from likeness.change_reviews r where r.id = lock_change.review_id)
      for no key update;
  select r.* into v_review from likeness.change_reviews r where r.id = lock_change.review_id for update;
  if not found then
    raise exception 'there is no change %', review_id using errcode = 'LK002', hint = 'select * from likeness.pending_changes;';
  end if;
  if v_review.decision is not null then
    raise exception 'change % was % already%', review_id, v_review.decision, coalesce(' by ' || v_review.decided_by, '')
      using errcode = 'LK003', hint = 'select * from likeness.pending_changes;';
  end if;
  return v_review;
end
$$;
comment on function likeness.lock_change(bigint) is 'A held change that nobody has decided, locked with its place. Part of approve_change() and reject_change().';
