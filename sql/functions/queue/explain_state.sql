create or replace function likeness.explain_state(image likeness.images, now_at timestamptz)
returns table (answer text, hint text)
language plpgsql
stable parallel safe
set search_path = ''
as $$
begin
  if image.queued_at is not null and image.retry_at is null then
    return query select * from likeness.explain_wait(image, now_at);
    return;
  end if;
  return query
  select case
           when image.status = 'completed' and b.status = 'stored' then format('It is here, as of %s.', to_char(image.mirrored_at, 'YYYY-MM-DD HH24:MI'))
             || case when c.id is null then ''
                     when c.decision is null then format(' Another picture came at %s, and waits for a person.', likeness.tell_time(c.noticed_at, now_at))
                     else format(' A later one of its source is kept out by %s.', c.decided_by) end
           when image.status = 'completed' then format('It counts as completed, and yet its bytes are %s.', b.status)
           when image.status = 'processing' and image.claim_expires_at > now_at
             then format('Worker %s has it in hand since %s.', image.claimed_by, likeness.tell_time(image.updated_at, now_at))
           when image.status = 'processing' then format('Worker %s had it in hand and was lost; nobody took it back yet.', image.claimed_by)
           when image.status = 'failed' then format('It failed for good: %s (%s)', f.meaning, coalesce(image.failure_text, image.failure_reason))
           when image.retry_at is not null then format('Attempt %s failed: %s It is tried again at %s.', image.attempts, f.meaning, likeness.tell_time(image.retry_at, now_at))
           when p.status <> 'active' then format('Its product is %s, so it is not fetched.', p.status)
           when d.status = 'draft' then format('Its dataset %s is a draft: nothing of it is fetched.', d.id)
           when r.id is not null then format('It waits for others of run %s, which fetches %s at once.', r.id, r.max_concurrent)
           when p.canonical_product_id is not null and likeness.is_spared(p.id)
             then format('Its product shows the pictures of canonical product %s, so its own is not fetched.', p.canonical_product_id)
           else 'It is not queued.' end,
         case
           when image.status = 'completed' and b.status = 'stored' and c.decision = 'rejected'
             then format('Nothing to do, or: select likeness.release_rollback(%s);', substring(c.decided_by from '[0-9]+$'))
           when image.status = 'completed' and b.status = 'stored' and c.id is not null
             then format('select likeness.approve_change(%1$s); or select likeness.reject_change(%1$s);', c.id)
           when image.status = 'completed' and b.status = 'stored' then 'Nothing to do.'
           when image.status = 'processing' and image.claim_expires_at > now_at then 'Wait.'
           when image.status = 'processing' then 'Is a worker running? select likeness.requeue_expired();'
           when image.failure_reason = 'purged' and image.status = 'failed' then f.hint
           when image.status = 'failed' then format('%s Then: select likeness.retry_images(image_ids => array[%s]);', f.hint, image.id)
           when image.retry_at is not null and h.blocked_until > now_at
             then format('Wait, or now: select likeness.resume_host(%L); select likeness.queue_images(array[%s]);', h.host, image.id)
           when image.retry_at is not null then format('Wait, or now: select likeness.queue_images(array[%s]);', image.id)
           when p.status <> 'active' then 'It is queued when a feed lists the product again.'
           when d.status = 'draft' then format('select * from likeness.activate_dataset(%s);', d.id)
           when r.id is not null then format('Wait, or: select likeness.queue_images(array[%s]);', image.id)
           else format('select likeness.queue_images(array[%s]);', image.id) end
    from (select) one
    left join likeness.blobs b on b.sha256 = image.blob_sha256
    left join likeness.hosts h on h.id = image.host_id
    left join likeness.failure_reasons f on f.code = image.failure_reason
    left join likeness.products p on p.id = image.product_id
    left join likeness.datasets d on d.id = p.dataset_id
    -- The change that waits, else the last that a rollback took back.
    left join lateral (
      select v.id, v.decision, v.noticed_at, v.decided_by
        from likeness.change_reviews v
       where v.image_id = image.id and (v.decision is null or (v.decision = 'rejected' and v.decided_by like 'rollback %'))
       order by v.decision is null desc, v.id desc
       limit 1) c on true
    left join lateral (select w.run_id from likeness.run_waiting w where w.image_id = image.id order by w.run_id limit 1) n on true
    left join likeness.runs r on r.id = n.run_id;
end
$$;
comment on function likeness.explain_state(likeness.images, timestamptz) is 'The sentence of explain_image() for one picture.';
