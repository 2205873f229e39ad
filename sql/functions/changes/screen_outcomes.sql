create or replace function likeness.screen_outcomes(outcomes likeness.outcome[])
returns likeness.outcome[]
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_row record;
  v_alike record;
  v_other jsonb;
  v_changes jsonb := '{}';
begin
  -- Nearly always there is nothing to ask: the same bytes or the first ones, and no placeholder is known.
  for v_row in
    select o.image_id, o.sha256, i.blob_sha256, p.supplier_id, coalesce(s.on_big_change, 'swap') as policy, b.phash, b.signature, k.knows_placeholders
      from unnest(outcomes) o
     cross join (select exists (select from likeness.placeholders h where h.verdict = 'placeholder') as knows_placeholders) k
      join likeness.images i on i.id = o.image_id
      left join likeness.products p on p.id = i.product_id
      left join likeness.suppliers s on s.id = p.supplier_id
      left join likeness.blobs b on b.sha256 = coalesce(o.sha256, i.blob_sha256)
     where o.is_completed and (k.knows_placeholders or (o.sha256 is not null and i.blob_sha256 is not null))
       and (k.knows_placeholders or o.sha256 <> i.blob_sha256
            or exists (select from likeness.change_reviews r where r.image_id = i.id and r.decision is null))
  loop
    v_other := null;
    if v_row.knows_placeholders and likeness.find_placeholder(coalesce(v_row.sha256, v_row.blob_sha256), v_row.phash, v_row.signature, v_row.supplier_id) is not null then
      v_other := jsonb_build_object('is_completed', false, 'is_reused', false, 'sha256', null, 'blob', null, 'reason', 'placeholder',
        'failure_text', 'the source gave a placeholder and no picture of the product; see likeness.placeholder_pictures', 'is_retryable', false, 'is_host_fault', false);
    elsif v_row.sha256 = v_row.blob_sha256 then
      -- The source went back to what is shown.
      update likeness.change_reviews r set decision = 'superseded', decided_at = v_now where r.image_id = v_row.image_id and r.decision is null;
    elsif v_row.sha256 <> v_row.blob_sha256 then
      if (select r.decision = 'rejected'
            from likeness.change_reviews r
           where r.image_id = v_row.image_id and r.new_sha256 = v_row.sha256 and r.decision in ('approved', 'rejected')
           order by r.id desc
           limit 1) then
        v_other := '{"sha256": null, "blob": null, "is_reused": true}';
      else
        select c.* into v_alike from likeness.compare_blobs(v_row.blob_sha256, v_row.sha256) c;
        if v_row.policy = 'hold' and not coalesce(v_alike.is_same, false) then
          v_other := '{"sha256": null, "blob": null, "is_reused": true}';
        end if;
        update likeness.change_reviews r
           set decision = 'superseded', decided_at = v_now
         where r.image_id = v_row.image_id and r.decision is null and (v_other is null or r.new_sha256 <> v_row.sha256 or r.old_sha256 <> v_row.blob_sha256);
        if v_other is not null then
          insert into likeness.change_reviews (image_id, old_sha256, new_sha256, noticed_at, phash_distance, mean_difference, max_difference)
          values (v_row.image_id, v_row.blob_sha256, v_row.sha256, v_now, v_alike.phash_distance, v_alike.mean_difference, v_alike.max_difference)
          on conflict (image_id) where decision is null do nothing;
        end if;
      end if;
    end if;
    if v_other is not null then
      v_changes := v_changes || jsonb_build_object(v_row.image_id::text, v_other);
    end if;
  end loop;
  if v_changes = '{}' then
    return outcomes;
  end if;
  return array(
    select case when v_changes ? o.image_id::text then jsonb_populate_record(o, v_changes -> o.image_id::text) else o end
      from unnest(outcomes) o);
end
$$;
comment on function likeness.screen_outcomes(likeness.outcome[]) is
  'What a worker finished, after a look at the pictures: placeholders become failures, a big change of a supplier that holds them waits in change_reviews while the old picture stays, and what was rejected before is not taken again. Part of finish_images(), which holds the pictures'' rows and the bytes.';
