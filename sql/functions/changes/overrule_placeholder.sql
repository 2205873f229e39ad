create or replace function likeness.overrule_placeholder(sha256 text, decided_by text default session_user)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_suppliers bigint[];
  v_images bigint[];
begin
  perform likeness.need_person(overrule_placeholder.decided_by);
  with ruled as (
    update likeness.placeholders h
       set verdict = 'picture', decided_at = likeness.clock(), decided_by = overrule_placeholder.decided_by
     where h.sha256 = overrule_placeholder.sha256
    returning h.supplier_id
  )
  select array_agg(r.supplier_id) into v_suppliers from ruled r;
  if v_suppliers is null then
    raise exception 'no placeholder has the bytes %', sha256 using errcode = 'LK002', hint = 'select * from likeness.placeholder_pictures;';
  end if;
  -- Which bytes a place was refused is not kept: all of the supplier are asked for again, and met with the new verdict.
  select array_agg(i.id) into v_images
    from likeness.images i
    left join likeness.products p on p.id = i.product_id
   where i.status = 'failed' and i.failure_reason = 'placeholder'
     and (p.supplier_id = any(v_suppliers) or array_position(v_suppliers, null) is not null)
     and (p.canonical_product_id is null or not likeness.is_spared(p.id));
  return likeness.queue_images(coalesce(v_images, '{}'));
end
$$;
comment on function likeness.overrule_placeholder(text, text) is
  'Says that bytes taken for a placeholder are a picture, for good; the pictures of its suppliers that failed as placeholders are queued again. Returns how many. Example: select likeness.overrule_placeholder(''<sha256>'');';
