create or replace function likeness.add_upload(sha256 text, product_id bigint, place int default 0, is_shared boolean default false)
returns table (image_id bigint, status text, is_new boolean)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_url text := 'upload:' || sha256;
  v_product bigint := case when not is_shared then add_upload.product_id end;
  v_canonical bigint;
  v_position smallint;
  v_is_stored boolean;
begin
  if add_upload.place not between 0 and 999 then
    raise exception 'the position of an upload is from 0 to 999, not %', place using errcode = 'LK004';
  end if;
  insert into likeness.hosts (host, max_in_flight, min_interval)
  select 'upload:', 1000, '0' where not exists (select from likeness.hosts h where h.host = 'upload:')
  on conflict (host) do nothing;
  perform likeness.lock_pictures(add_upload.product_id, is_for_upload => true);
  v_now := likeness.clock();
  if is_shared then
    select p.canonical_product_id into v_canonical from likeness.products p where p.id = add_upload.product_id;
    if v_canonical is null then
      raise exception 'product % stands for no canonical product that others share', product_id using errcode = 'LK003';
    end if;
  else
    update likeness.products p
       set use_custom_image = true, is_curated = true
     where p.id = add_upload.product_id and not (p.use_custom_image and p.is_curated);
  end if;

  select i.id, i.status into image_id, status
    from likeness.images i
   where (i.product_id = v_product or i.canonical_product_id = v_canonical) and i.source_url = v_url;
  is_new := not found;
  if is_new then
    -- Held until the end: garbage collection sees the reference, or we see what it did.
    perform 1 from likeness.blobs b where b.sha256 = add_upload.sha256 for no key update;
    update likeness.blobs b
       set status = 'stored', condemned_at = null, has_original = true
     where b.sha256 = add_upload.sha256 and not b.is_deleting and (b.status = 'condemned' or (b.status = 'stored' and not b.has_original));
    select b.status = 'stored' into v_is_stored from likeness.blobs b where b.sha256 = add_upload.sha256 and not b.is_deleting;
    if v_is_stored is null then
      raise exception 'the uploaded bytes are gone again' using errcode = 'LK003', hint = 'Upload the file once more.';
    end if;
    select least(add_upload.place, coalesce(max(i.position) + 1, 0)) into v_position
      from likeness.images i
     where i.product_id = v_product or i.canonical_product_id = v_canonical;
    update likeness.images i
       set position = i.position + 1, updated_at = v_now, role = case when i.role = 'thumb' then 'thumb' else 'gallery' end
     where (i.product_id = v_product or i.canonical_product_id = v_canonical) and i.position >= v_position;
    insert into likeness.images (status, product_id, canonical_product_id, position, role, source_url, uploaded_sha256, blob_sha256, mirrored_at)
    values (case when v_is_stored then 'completed' else 'pending' end, v_product, v_canonical,
            v_position, case when v_position = 0 then 'hero' else 'gallery' end, v_url, add_upload.sha256,
            case when v_is_stored then add_upload.sha256 end, case when v_is_stored then v_now end)
    returning id, status into image_id, status;
    insert into likeness.image_history (image_id, product_id, canonical_product_id, position, blob_sha256, shown_at, cause)
    select add_upload.image_id, v_product, v_canonical, v_position, add_upload.sha256, v_now, 'uploaded'
     where v_is_stored;
  end if;
  -- Somebody looks at it: it comes first, whether its product is sold or not.
  if status in ('pending', 'failed') then
    perform likeness.queue_images(array[image_id], 3::smallint);
    status := 'pending';
  end if;
  return next;
end
$$;
comment on function likeness.add_upload(text, bigint, int, boolean) is
  'Makes uploaded bytes, announced by begin_blobs() and put as an original, a picture of a product (which then uses its own) or of the canonical product that it stands for. Known bytes are shown at once; others are rendered by a worker, first of all. The same upload again changes nothing.';
