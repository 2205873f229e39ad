create or replace view likeness.claims as
select i.claimed_by as worker, i.id as image_id, h.host, i.updated_at as claimed_at, i.claim_expires_at,
       i.claim_expires_at < likeness.clock() as is_overdue, i.is_suspect, i.claim_no, i.attempts, p.sku, i.product_id, i.fetch_url
  from likeness.images i
  join likeness.hosts h on h.id = i.host_id
  left join likeness.products p on p.id = i.product_id
 where i.claimed_by is not null
 order by i.updated_at, i.id;
comment on view likeness.claims is 'Who holds the lease of which picture, longest held first.';
comment on column likeness.claims.worker is 'Worker that has it in hand.';
comment on column likeness.claims.image_id is 'The picture.';
comment on column likeness.claims.host is 'Where it comes from.';
comment on column likeness.claims.claimed_at is 'Since when.';
comment on column likeness.claims.claim_expires_at is 'When the claim is lost unless the worker renews it.';
comment on column likeness.claims.is_overdue is 'It was not renewed: the worker is gone or hangs.';
comment on column likeness.claims.is_suspect is 'A worker died with it in hand before.';
comment on column likeness.claims.claim_no is 'The number of this claim.';
comment on column likeness.claims.attempts is 'Attempts that failed before this one.';
comment on column likeness.claims.sku is 'The product''s number.';
comment on column likeness.claims.product_id is 'The product.';
comment on column likeness.claims.fetch_url is 'What is being fetched.';
