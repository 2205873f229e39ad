-- Who may change state, how often strangers may ask, and the pictures that users keep.

create table likeness.service_keys (
  key_id text constraint service_keys_pkey primary key constraint key_id_is_plain check (key_id ~ '^[a-z0-9]{8,32}$'),
  name text not null constraint key_name_is_short check (char_length(name) between 1 and 100 and name !~ '[[:cntrl:]]'),
  scopes text[] not null constraint scopes_are_known check (
    scopes <> '{}' and scopes <@ '{feeds,mirror,pictures,match,admin}'),
  created_at timestamptz not null default now(),
  created_by text not null default session_user,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  digest bytea not null constraint digest_is_sha256 check (octet_length(digest) = 32)
);
create unique index service_keys_name_key on likeness.service_keys (name) where revoked_at is null;
comment on table likeness.service_keys is 'Keys of programs that may change state. Hidden from likeness_app and likeness_reader; service_key_status shows what people may see.';
comment on column likeness.service_keys.key_id is 'The part of the key that is no secret: lk_<key_id>_<secret>.';
comment on column likeness.service_keys.name is 'What it is called; one living key a name.';
comment on column likeness.service_keys.scopes is 'What it opens: feeds, mirror, pictures, match; admin opens everything.';
comment on column likeness.service_keys.created_at is 'When it was made.';
comment on column likeness.service_keys.created_by is 'Database user who made it.';
comment on column likeness.service_keys.expires_at is 'Until when it holds; null: until it is revoked.';
comment on column likeness.service_keys.revoked_at is 'Since when it holds no more.';
comment on column likeness.service_keys.last_used_at is 'When it was last used, to ten minutes.';
comment on column likeness.service_keys.digest is 'sha256 of the secret. The secret has 256 random bits, so a slow hash would add nothing.';
comment on index likeness.service_keys_pkey is 'Serves find_service_key().';
comment on index likeness.service_keys_name_key is 'Keeps one living key a name.';

-- Lost with a crash, which gives everybody a new minute, and never written to the log.
create unlogged table likeness.permits (
  limit_name text not null,
  client text not null,
  expires_at timestamptz not null,
  is_allowed boolean not null,
  taken timestamptz[] not null,
  constraint permits_pkey primary key (limit_name, client)
);
create index permits_expires_at_idx on likeness.permits (expires_at);
comment on table likeness.permits is 'What each client asked for lately, for the limits that hold over all API processes.';
comment on column likeness.permits.limit_name is 'Which limit.';
comment on column likeness.permits.client is 'IPv4 address or /64 network of IPv6.';
comment on column likeness.permits.expires_at is 'From when on the row says nothing.';
comment on column likeness.permits.is_allowed is 'Whether the latest request was let through.';
comment on column likeness.permits.taken is 'When it was let through within the span of the limit, oldest first.';
comment on index likeness.permits_pkey is 'Serves take_permit().';
comment on index likeness.permits_expires_at_idx is 'Serves forget_permits().';

create table likeness.user_images (
  user_id text not null constraint user_id_is_short check (char_length(user_id) between 1 and 200),
  sequence_no bigint not null constraint sequence_starts_at_one check (sequence_no > 0),
  client_key text not null constraint client_key_is_short check (char_length(client_key) between 1 and 100),
  created_at timestamptz not null default now(),
  seed bigint,
  steps integer constraint steps_are_counted check (steps between 1 and 10000),
  url text not null constraint url_is_of_the_web check (url ~ '^https?://[^[:space:][:cntrl:]]+$' and char_length(url) <= 4000),
  prompt text not null constraint prompt_is_bounded check (char_length(prompt) <= 20000),
  model text not null constraint model_is_short check (char_length(model) <= 200),
  constraint user_images_pkey primary key (user_id, sequence_no),
  constraint user_images_client_key_key unique (user_id, client_key)
);
alter table likeness.user_images enable row level security;
alter table likeness.user_images force row level security;
create policy user_images_own on likeness.user_images
  using (user_id = nullif(current_setting('likeness.user_id', true), ''))
  with check (user_id = nullif(current_setting('likeness.user_id', true), ''));
comment on table likeness.user_images is 'A picture that a user generated. Append-only; a session sees the rows of the user in its setting likeness.user_id alone.';
comment on column likeness.user_images.user_id is 'Whose: the subject of the user''s token.';
comment on column likeness.user_images.sequence_no is 'Counts a user''s pictures without gaps, in the order in which they became visible: a cursor that misses none.';
comment on column likeness.user_images.client_key is 'The client''s own key of it, so that sending it again adds nothing.';
comment on column likeness.user_images.created_at is 'When it was added.';
comment on column likeness.user_images.seed is 'Seed of the generator.';
comment on column likeness.user_images.steps is 'Steps of the generator.';
comment on column likeness.user_images.url is 'Where the picture is.';
comment on column likeness.user_images.prompt is 'What was asked for.';
comment on column likeness.user_images.model is 'Which generator.';
comment on index likeness.user_images_pkey is 'Serves list_user_images() and add_user_images().';
comment on index likeness.user_images_client_key_key is 'Serves add_user_images(), and keeps a picture from being added twice.';
comment on policy user_images_own on likeness.user_images is 'Each user sees and adds own pictures alone.';
