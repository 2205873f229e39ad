create or replace function likeness.plan_rollback(supplier_id bigint, since timestamptz)
returns table (image_id bigint, product_id bigint, action text, shown_sha256 text, earlier_sha256 text, earlier_at timestamptz)
language plpgsql
stable parallel safe
set search_path = ''
as $$
#variable_conflict use_column
begin
  if not exists (select from likeness.suppliers s where s.id = plan_rollback.supplier_id) then
    raise exception 'there is no supplier %', coalesce(plan_rollback.supplier_id::text, 'null') using errcode = 'LK002', hint = 'select id, name from likeness.suppliers;';
  end if;
  if plan_rollback.since is null or not isfinite(plan_rollback.since) then
    raise exception 'since must be a time, not %', coalesce(plan_rollback.since::text, 'null') using errcode = 'LK004';
  end if;
  return query
  with touched as materialized (
    select h.image_id, max(h.product_id) as product_id, (array_agg(h.cause order by h.shown_at desc, h.id desc))[1] as last_cause,
           bool_or(h.cause = 'placeholder') as had_placeholder
      from likeness.image_history h
      join likeness.products p on p.id = h.product_id and p.supplier_id = plan_rollback.supplier_id
     where h.shown_at >= plan_rollback.since
     group by h.image_id
  )
  select t.image_id, t.product_id,
         case when i.id is null then 'removed'
              when e.blob_sha256 is null or n.is_placeholder then 'new'
              when b.sha256 is null or b.status = 'storing' or b.is_deleting then 'gone'
              else 'restore' end,
         i.blob_sha256, e.blob_sha256, e.shown_at
    from touched t
    left join likeness.images i on i.id = t.image_id and i.product_id is not null
    left join lateral (
      select h.blob_sha256, h.shown_at
        from likeness.image_history h
       where h.image_id = t.image_id and h.shown_at < plan_rollback.since
       order by h.shown_at desc, h.id desc
       limit 1) e on true
    left join likeness.blobs b on b.sha256 = e.blob_sha256
    -- What is known for a placeholder by now was no picture then either. Near copies are looked for where some were found.
    left join lateral (
      select likeness.find_placeholder(b.sha256, b.phash, b.signature, plan_rollback.supplier_id) is not null as is_placeholder
       where t.had_placeholder or exists (select from likeness.placeholders h where h.sha256 = b.sha256)) n on true
   where (i.id is not null or e.blob_sha256 is not null)
     and i.blob_sha256 is distinct from e.blob_sha256
     -- Cleaned up: whoever comes back is fetched afresh.
     and t.last_cause <> 'released';
end
$$;
comment on function likeness.plan_rollback(bigint, timestamptz) is
  'Places of a supplier that show something else than just before a time: restore (the earlier bytes are there), new (showed nothing then, or a placeholder, and keeps what it has), gone (the earlier bytes were deleted) or removed (a feed took the place away).';
