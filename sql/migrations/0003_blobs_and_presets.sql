-- Bytes by their content, and the sizes that are made of them.

create table likeness.blobs (
  sha256 text collate "C" constraint blobs_pkey primary key constraint sha256_is_64_hex_digits check (sha256 ~ '^[0-9a-f]{64}$'),
  status text not null default 'storing' constraint blob_status_is_known check (status in ('storing', 'stored', 'condemned')),
  format text,
  width int constraint blob_width_is_positive check (width > 0),
  height int constraint blob_height_is_positive check (height > 0),
  bytes bigint constraint blob_bytes_are_positive check (bytes > 0),
  has_original boolean not null default false,
  stored_by text,
  storing_expires_at timestamptz,
  created_at timestamptz not null default now(),
  stored_at timestamptz,
  condemned_at timestamptz,
  phash bigint,
  placeholder text,
  signature bytea constraint signature_is_8_by_8_rgb check (octet_length(signature) = 192),
  renditions jsonb not null default '[]' constraint renditions_are_a_list check (jsonb_typeof(renditions) = 'array'),
  constraint stored_blob_is_described check (status = 'storing' or (stored_at is not null and format is not null and width is not null and height is not null and bytes is not null)),
  constraint storing_blob_has_expiry check ((status = 'storing') = (storing_expires_at is not null)),
  constraint condemned_says_when check ((status = 'condemned') = (condemned_at is not null))
);
comment on table likeness.blobs is 'Bytes by the sha256 of the original: one row for all objects that may exist under o/../<sha256> and v/../<sha256>/ in the store.';
comment on column likeness.blobs.sha256 is 'sha256 of the original, 64 hex digits: its address.';
comment on column likeness.blobs.status is 'storing (objects may exist), stored (all exist), condemned (about to be deleted).';
comment on column likeness.blobs.format is 'Format of the original, by content: jpeg, png, webp, avif, gif ...';
comment on column likeness.blobs.width is 'Width of the upright original in pixels.';
comment on column likeness.blobs.height is 'Height of the upright original in pixels.';
comment on column likeness.blobs.bytes is 'Length of the original.';
comment on column likeness.blobs.has_original is 'The original is kept in the store.';
comment on column likeness.blobs.stored_by is 'Worker that makes or made the renditions.';
comment on column likeness.blobs.storing_expires_at is 'When another worker may take the storing over.';
comment on column likeness.blobs.created_at is 'When the bytes were first met.';
comment on column likeness.blobs.stored_at is 'When all objects were in the store.';
comment on column likeness.blobs.condemned_at is 'When garbage collection found no reference.';
comment on column likeness.blobs.phash is 'Perceptual hash (64 bits) of the upright picture.';
comment on column likeness.blobs.placeholder is 'thumbhash in base64: a blurred stand-in of about 25 bytes.';
comment on column likeness.blobs.signature is '8 x 8 RGB thumbnail (192 bytes): with phash it decides whether two pictures are the same.';
comment on column likeness.blobs.renditions is 'List of {preset, format, recipe, width, height, bytes}: the objects under v/.';
comment on index likeness.blobs_pkey is 'Serves begin_blobs(), finish_images() and resolve_display_urls().';

create index blobs_storing_idx on likeness.blobs (storing_expires_at) where status = 'storing';
comment on index likeness.blobs_storing_idx is 'Serves check_blobs_stuck_storing and garbage collection.';

create table likeness.presets (
  name text constraint presets_pkey primary key,
  wave smallint not null constraint wave_is_first_or_second check (wave in (1, 2)),
  width int not null constraint preset_width_is_positive check (width > 0),
  height int not null constraint preset_height_is_positive check (height > 0),
  quality smallint not null default 85 constraint quality_is_a_percentage check (quality between 1 and 100),
  effort smallint not null default 2 constraint effort_is_known check (effort between 0 and 6),
  formats text[] not null default '{webp}' constraint formats_are_known check (formats <@ '{webp,avif,jpeg}' and cardinality(formats) > 0)
);
comment on table likeness.presets is 'The sizes that are made of each picture: data, not code.';
comment on column likeness.presets.name is 'Name of the size.';
comment on column likeness.presets.wave is '1: made before a picture counts as completed; 2: made afterwards at low priority.';
comment on column likeness.presets.width is 'Width of the box in pixels.';
comment on column likeness.presets.height is 'Height of the box in pixels.';
comment on column likeness.presets.quality is 'Quality on the scale of WebP and JPEG; AVIF is set to look the same.';
comment on column likeness.presets.effort is 'Encoder effort of WebP, 0 to 6.';
comment on column likeness.presets.formats is 'Formats: webp, avif, jpeg.';
comment on index likeness.presets_pkey is 'Serves the worker at its start.';

insert into likeness.presets (name, wave, width, height) values
  ('thumb', 1, 200, 200),
  ('medium', 1, 800, 800);
