create or replace view likeness.check_claims_overdue as
select i.id as image_id, i.claimed_by, i.claim_expires_at,
       'Start a worker: it takes the picture back within seconds.' as hint
  from likeness.images i
 where i.claimed_by is not null and i.claim_expires_at < likeness.clock() - interval '5 minutes';
comment on view likeness.check_claims_overdue is 'Claims that ran out 5 minutes ago and were not taken back.';
comment on column likeness.check_claims_overdue.image_id is 'The picture.';
comment on column likeness.check_claims_overdue.claimed_by is 'Who held it.';
comment on column likeness.check_claims_overdue.claim_expires_at is 'When the claim ran out.';
comment on column likeness.check_claims_overdue.hint is 'What to do.';
