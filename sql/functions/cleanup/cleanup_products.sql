create or replace function likeness.cleanup_products(inactive_for interval default '90 days', most int default 500)
returns table (products int, images int)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_products bigint[];
  v_images bigint[];
  v_canonicals bigint[];
begin
  perform likeness.need_time('inactive_for', cleanup_products.inactive_for);
  perform likeness.need_count('most', cleanup_products.most);
  select array_agg(l.id) into v_products
    from (select p.id
            from likeness.products p
           where p.status <> 'active' and (p.pictures_released_at is null or p.pictures_released_at < p.status_changed_at)
             and p.status_changed_at <= v_now - cleanup_products.inactive_for
             and not exists (select from likeness.images i where i.product_id = p.id and i.claimed_by is not null)
             and not likeness.shows_for_others(p.id, v_now - cleanup_products.inactive_for)
           order by p.status_changed_at, p.id
           limit cleanup_products.most
             -- An import that changes it knows better; it keeps until the next time.
             for no key update skip locked) l;
  if v_products is null then
    return query select 0, 0;
    return;
  end if;
  -- Lock order of sql/README.md.
  select array_agg(c.id) into v_canonicals from likeness.canonical_products c where c.picture_product_id = any(v_products);
  if v_canonicals is not null then
    perform likeness.lock_matching();
    perform 1 from likeness.canonical_products c where c.id = any(v_canonicals) order by c.id for no key update;
  end if;
  perform 1
     from likeness.hosts h
    where h.id in (select i.host_id
                     from likeness.images i
                    where i.product_id = any(v_products)
                       or i.product_id in (select p.id from likeness.products p where p.canonical_product_id = any(v_canonicals)))
    order by h.id
      for no key update;
  -- Whoever shared their pictures shares those of another from now on.
  if v_canonicals is not null then
    perform likeness.settle_pictures(v_canonicals);
    -- Somebody may have been linked before it was our turn.
    v_products := array(select p.id from unnest(v_products) p (id) where not likeness.shows_for_others(p.id, v_now - cleanup_products.inactive_for));
  end if;
  perform 1 from likeness.images i where i.product_id = any(v_products) order by i.id for no key update;
  -- Now that they are locked: history is ordered by time, and whoever had them before has written its own.
  v_now := likeness.clock();
  select array_agg(i.id) into v_images
    from likeness.images i
   where i.product_id = any(v_products)
     -- What a worker has in hand is left to it, and its product to the next run.
     and i.claimed_by is null
     -- Uploaded bytes cannot be fetched again, and what killed workers is not to be forgotten.
     and i.uploaded_sha256 is null and i.failure_reason is distinct from 'poison'
     and (i.blob_sha256 is not null or i.status <> 'pending' or i.queued_at is not null or i.source_etag is not null or i.source_last_modified is not null);
  insert into likeness.image_history (image_id, product_id, canonical_product_id, position, blob_sha256, shown_at, cause)
  select i.id, i.product_id, i.canonical_product_id, i.position, null, v_now, 'released'
    from likeness.images i
   where i.id = any(v_images) and i.blob_sha256 is not null;
  update likeness.images i
     set status = 'pending', blob_sha256 = null, mirrored_at = null, queued_at = null, retry_at = null, run_id = null,
         attempts = 0, worker_deaths = 0, is_suspect = false, priority = 0, failure_reason = null, failure_text = null,
         source_etag = null, source_last_modified = null, source_bytes = null, updated_at = v_now
   where i.id = any(v_images);
  delete from likeness.image_freshness f where f.image_id = any(v_images);
  -- What was held was about pictures that are gone from their places.
  update likeness.change_reviews r
     set decision = 'superseded', decided_at = v_now
   where r.image_id = any(v_images) and r.decision is null;
  update likeness.products p
     set pictures_released_at = v_now
   where p.id = any(v_products)
     and not exists (select from likeness.images i where i.product_id = p.id and i.claimed_by is not null);
  return query select cardinality(v_products), coalesce(cardinality(v_images), 0);
end
$$;
comment on function likeness.cleanup_products(interval, int) is
  'Releases the pictures of products that have been inactive or deleted for so long, and clears what is known of their sources but for the address: those who left longest ago first, so many at once; 0 products: all is done. Pictures that products still sold share stay until there are others. Bytes go with garbage collection, and only when nobody shows them. A product that returns is queued again.';
