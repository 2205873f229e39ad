-- What a new picture under an old address may do: be swapped in silently, wait for a person, or be seen
-- for the stand-in ("coming soon") that it is.

alter table likeness.suppliers
  add column on_big_change text not null default 'swap' constraint on_big_change_is_known check (on_big_change in ('swap', 'hold')),
  add column placeholder_products int not null default 20 constraint placeholder_products_is_not_negative check (placeholder_products >= 0);
comment on column likeness.suppliers.on_big_change is 'When a source gives a picture that looks unlike the one shown: swap it in, or hold it for change_reviews.';
comment on column likeness.suppliers.placeholder_products is 'One picture on more products than this is taken for a placeholder; 0: never.';

create table likeness.change_reviews (
  id bigint generated always as identity constraint change_reviews_pkey primary key,
  decision text constraint change_decision_is_known check (decision in ('approved', 'rejected', 'superseded')),
  image_id bigint not null constraint change_reviews_image_id_fkey references likeness.images on delete cascade,
  phash_distance smallint constraint phash_distance_is_of_64_bits check (phash_distance between 0 and 64),
  max_difference smallint,
  mean_difference real,
  noticed_at timestamptz not null,
  decided_at timestamptz,
  decided_by text,
  old_sha256 text collate "C" not null,
  new_sha256 text collate "C" not null constraint change_is_a_change check (new_sha256 <> old_sha256),
  constraint decided_change_says_when check ((decision is null) = (decided_at is null))
);
comment on table likeness.change_reviews is 'Big changes of pictures whose supplier is set to hold them: the old picture stays until somebody decides. Rejected bytes are remembered: their place does not take them again.';
comment on column likeness.change_reviews.id is 'Key.';
comment on column likeness.change_reviews.decision is 'Null: waits for a person; approved, rejected, or superseded by what the source gave later.';
comment on column likeness.change_reviews.image_id is 'The place.';
comment on column likeness.change_reviews.phash_distance is 'Bits of 64 in which the perceptual hashes differ.';
comment on column likeness.change_reviews.max_difference is 'Largest difference of the 8 x 8 signatures, in steps of 255.';
comment on column likeness.change_reviews.mean_difference is 'Mean difference of the 8 x 8 signatures, in steps of 255.';
comment on column likeness.change_reviews.noticed_at is 'When the new bytes came.';
comment on column likeness.change_reviews.decided_at is 'When it was decided.';
comment on column likeness.change_reviews.decided_by is 'Who decided.';
comment on column likeness.change_reviews.old_sha256 is 'What is shown. No foreign key: decisions outlive bytes.';
comment on column likeness.change_reviews.new_sha256 is 'What came. No foreign key: decisions outlive bytes; while it waits, is_referenced() keeps them.';
comment on index likeness.change_reviews_pkey is 'Serves approve_change(), reject_change() and keyset pagination of pending_changes.';

create unique index change_reviews_open_idx on likeness.change_reviews (image_id) where decision is null;
comment on index likeness.change_reviews_open_idx is 'Keeps one open review a place; serves screen_outcomes().';
create index change_reviews_image_idx on likeness.change_reviews (image_id, new_sha256);
comment on index likeness.change_reviews_image_idx is 'Serves screen_outcomes(): bytes that were rejected before; and the foreign key of images.';
create index change_reviews_new_idx on likeness.change_reviews (new_sha256) where decision is null;
comment on index likeness.change_reviews_new_idx is 'Serves is_referenced().';

create table likeness.placeholders (
  id bigint generated always as identity constraint placeholders_pkey primary key,
  verdict text not null constraint placeholder_verdict_is_known check (verdict in ('placeholder', 'picture')),
  supplier_id bigint constraint placeholders_supplier_id_fkey references likeness.suppliers on delete cascade,
  products int not null default 0,
  phash bigint,
  noticed_at timestamptz not null,
  decided_at timestamptz,
  decided_by text,
  sha256 text collate "C" not null constraint placeholder_sha256_is_64_hex_digits check (sha256 ~ '^[0-9a-f]{64}$'),
  signature bytea,
  constraint one_verdict_a_picture unique nulls not distinct (sha256, supplier_id)
);
comment on table likeness.placeholders is 'Pictures that stand in for none ("coming soon"), found by detect_placeholders() or named by a person, and pictures that a person said are none.';
comment on column likeness.placeholders.id is 'Key.';
comment on column likeness.placeholders.verdict is 'placeholder: never shown as a product''s photo; picture: somebody overruled the detector.';
comment on column likeness.placeholders.supplier_id is 'Whose products it stands in for; null: everybody''s.';
comment on column likeness.placeholders.products is 'Products that had it when it was found.';
comment on column likeness.placeholders.phash is 'Its perceptual hash: near copies count as well.';
comment on column likeness.placeholders.noticed_at is 'When it was found or named.';
comment on column likeness.placeholders.decided_at is 'When a person decided; null: nobody has yet.';
comment on column likeness.placeholders.decided_by is 'Who decided.';
comment on column likeness.placeholders.sha256 is 'Its bytes. No foreign key: the memory outlives them; is_referenced() keeps those of placeholders.';
comment on column likeness.placeholders.signature is 'Its 8 x 8 RGB signature.';
comment on index likeness.placeholders_pkey is 'Serves people.';
comment on index likeness.one_verdict_a_picture is 'Serves screen_outcomes() and is_referenced().';

create index placeholders_supplier_idx on likeness.placeholders (supplier_id);
comment on index likeness.placeholders_supplier_idx is 'Serves the foreign key of suppliers.';

insert into likeness.failure_reasons (code, is_permanent, meaning, hint) values
  ('placeholder', true, 'What came stands in for a picture ("coming soon") and is none.', 'Ask the supplier for the picture; if it is one: select likeness.overrule_placeholder(sha256).');
