create or replace view likeness.service_key_status as
select k.name, k.key_id, k.scopes,
       case when k.revoked_at is not null then 'revoked' when k.expires_at <= likeness.clock() then 'expired' else 'living' end as state,
       k.created_at, k.created_by, k.last_used_at, k.expires_at, k.revoked_at
  from likeness.service_keys k
 order by k.name, k.created_at;
comment on view likeness.service_key_status is 'The service keys and when they were last used, without their digests.';
comment on column likeness.service_key_status.name is 'What it is called.';
comment on column likeness.service_key_status.key_id is 'The part of the key that is no secret: lk_<key_id>_<secret>.';
comment on column likeness.service_key_status.scopes is 'What it opens: feeds, mirror, pictures, match; admin opens everything.';
comment on column likeness.service_key_status.state is 'living, expired or revoked.';
comment on column likeness.service_key_status.created_at is 'When it was made.';
comment on column likeness.service_key_status.created_by is 'Database user who made it.';
comment on column likeness.service_key_status.last_used_at is 'When it was last used, to ten minutes.';
comment on column likeness.service_key_status.expires_at is 'Until when it holds; null: until it is revoked.';
comment on column likeness.service_key_status.revoked_at is 'Since when it holds no more.';
