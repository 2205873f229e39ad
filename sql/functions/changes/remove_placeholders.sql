create or replace function likeness.remove_placeholders(sha256s text[], supplier_id bigint default null, most int default 10000)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_places bigint[];
  v_removed int;
begin
  select array_agg(l.id) into v_places
    from (select i.id
            from likeness.images i
           where i.id in (
                   select t.id
                     from likeness.images t
                     left join likeness.products p on p.id = t.product_id
                    where t.blob_sha256 = any(remove_placeholders.sha256s)
                      -- What waits or is in hand is looked at when it is finished.
                      and t.status in ('completed', 'failed') and t.queued_at is null
                      and (remove_placeholders.supplier_id is null or p.supplier_id = remove_placeholders.supplier_id)
                    order by t.id
                    limit remove_placeholders.most)
           order by i.id
             for no key update) l;
  -- Now that they are locked: history is ordered by time, and whoever had them before has written its own.
  v_now := likeness.clock();
  with held as materialized (
    select n.id from unnest(v_places) n (id)
  ),
  -- The photo that the placeholder took the place of, if its bytes are still there.
  before as materialized (
    select h.id, b.sha256, b.shown_at
      from held h
      left join lateral (
        select t.blob_sha256 as sha256, t.shown_at
          from likeness.image_history t
          join likeness.blobs o on o.sha256 = t.blob_sha256 and o.status = 'stored'
         where t.image_id = h.id and not t.blob_sha256 = any(remove_placeholders.sha256s)
           and likeness.find_placeholder(o.sha256, o.phash, o.signature, remove_placeholders.supplier_id) is null
         order by t.shown_at desc, t.id desc
         limit 1
           for key share of o) b on true
  ),
  removed as (
    update likeness.images i
       set status = 'failed', failure_reason = 'placeholder',
           failure_text = 'the source gave a placeholder and no picture of the product; see likeness.placeholder_pictures',
           blob_sha256 = b.sha256, mirrored_at = b.shown_at, updated_at = v_now
      from before b
     where i.id = b.id and i.blob_sha256 = any(remove_placeholders.sha256s) and i.queued_at is null and i.status in ('completed', 'failed')
    returning i.id, i.product_id, i.canonical_product_id, i.position, i.blob_sha256
  ),
  -- What was held was about the placeholder.
  superseded as (
    update likeness.change_reviews c
       set decision = 'superseded', decided_at = v_now
      from removed r
     where c.image_id = r.id and c.decision is null
  )
  insert into likeness.image_history (image_id, product_id, canonical_product_id, position, blob_sha256, shown_at, cause)
  select r.id, r.product_id, r.canonical_product_id, r.position, r.blob_sha256, v_now, 'placeholder'
    from removed r;
  get diagnostics v_removed = row_count;
  return v_removed;
end
$$;
comment on function likeness.remove_placeholders(text[], bigint, int) is
  'Takes placeholders from the places that show them, of one supplier or of all, so many at most: the photo that was there before comes back where its bytes are still stored, else the product has no picture. Returns how many places changed.';
