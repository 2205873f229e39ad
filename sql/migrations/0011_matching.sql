-- Which products are the same thing: what was decided, by whom, on which evidence, and what waits for a person.

alter table likeness.suppliers
  add column match_feeds boolean not null default false,
  add column low_matches text not null default 'review' constraint low_matches_are_known check (low_matches in ('review', 'leave'));
comment on column likeness.suppliers.match_feeds is 'Its products are matched by a worker after each import.';
comment on column likeness.suppliers.low_matches is 'What becomes of products whose best candidate is below match_rules.suggest_from: review (a person sees it) or leave (unmatched).';

alter table likeness.products
  add column gtin_note text,
  add column linked_at timestamptz,
  add column matched_at timestamptz;
comment on column likeness.products.gtin_note is 'What was repaired in the barcode, or with no gtin why it was refused; null: it was right as it came, or there is none.';
comment on column likeness.products.linked_at is 'Since when it stands for its canonical product.';
comment on column likeness.products.matched_at is 'When matching last decided about it; null: it waits to be matched.';

-- squawk-ignore require-concurrent-index-creation
create index products_unmatched_idx on likeness.products (supplier_id, id) where canonical_product_id is null and status <> 'deleted';
comment on index likeness.products_unmatched_idx is 'Serves next_unmatched().';
-- squawk-ignore require-concurrent-index-creation
create index products_linked_gtin_idx on likeness.products (gtin) where canonical_product_id is not null and gtin is not null;
comment on index likeness.products_linked_gtin_idx is 'Serves plan_matches(): a barcode that is known from another store.';

alter table likeness.canonical_products
  -- squawk-ignore adding-foreign-key-constraint
  add column picture_product_id bigint constraint canonical_products_picture_product_id_fkey references likeness.products on delete set null;
comment on column likeness.canonical_products.picture_product_id is 'The product whose pictures all its products show; null: its own pictures (uploaded to it), or none.';
-- squawk-ignore require-concurrent-index-creation
create index canonical_products_picture_idx on likeness.canonical_products (picture_product_id) where picture_product_id is not null;
comment on index likeness.canonical_products_picture_idx is 'Serves the foreign key of products and heal_shared_pictures().';

create table likeness.match_rules (
  is_only_row boolean constraint match_rules_pkey primary key default true constraint there_is_one_rule check (is_only_row),
  link_from real not null default 0.85 constraint link_from_is_a_probability check (link_from between 0 and 1),
  suggest_from real not null default 0.70 constraint suggestions_are_below_links check (suggest_from between 0 and link_from)
);
comment on table likeness.match_rules is 'From which confidence on a match links by itself or is suggested, in one row.';
comment on column likeness.match_rules.is_only_row is 'Keeps it one row.';
comment on column likeness.match_rules.link_from is 'Links by itself from here on.';
comment on column likeness.match_rules.suggest_from is 'Is suggested from here on; below, suppliers.low_matches says what happens.';
comment on index likeness.match_rules_pkey is 'Serves plan_matches().';
insert into likeness.match_rules (is_only_row) values (true);

create table likeness.match_queue (
  id bigint generated always as identity constraint match_queue_pkey primary key,
  status text not null default 'waiting' constraint queue_item_status_is_known check (status in ('waiting', 'accepted', 'rejected', 'created', 'closed')),
  product_id bigint not null constraint match_queue_product_id_fkey references likeness.products on delete cascade,
  canonical_product_id bigint constraint match_queue_canonical_product_id_fkey references likeness.canonical_products on delete set null,
  confidence real not null constraint queue_confidence_is_a_probability check (confidence between 0 and 1),
  reason text not null,
  queued_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  decided_at timestamptz,
  decided_by text,
  candidates jsonb not null constraint candidates_are_a_list check (jsonb_typeof(candidates) = 'array'),
  constraint waiting_item_is_undecided check ((status = 'waiting') = (decided_at is null)),
  constraint decided_item_says_by_whom check ((decided_at is null) = (decided_by is null))
);
comment on table likeness.match_queue is 'A product that waits for a person, with its best candidates; decided items stay.';
comment on column likeness.match_queue.id is 'Key.';
comment on column likeness.match_queue.status is 'waiting; accepted, rejected or created by a person; closed: matching found a better answer, or the product went.';
comment on column likeness.match_queue.product_id is 'The product.';
comment on column likeness.match_queue.canonical_product_id is 'While waiting its best candidate; afterwards what was decided.';
comment on column likeness.match_queue.confidence is 'Of the best candidate; 0: there is none.';
comment on column likeness.match_queue.reason is 'Why it was not linked by itself, as a sentence.';
comment on column likeness.match_queue.queued_at is 'Since when it waits.';
comment on column likeness.match_queue.updated_at is 'When its candidates were last looked for, or it was decided.';
comment on column likeness.match_queue.decided_at is 'When it was decided.';
comment on column likeness.match_queue.decided_by is 'Who decided.';
comment on column likeness.match_queue.candidates is 'List of {canonical_product_id, confidence, method, evidence}, best first.';
comment on index likeness.match_queue_pkey is 'Serves accept_match() and reject_match().';
create unique index match_queue_product_idx on likeness.match_queue (product_id) where status = 'waiting';
comment on index likeness.match_queue_product_idx is 'Serves match_products(): one waiting item a product.';
create index match_queue_best_idx on likeness.match_queue (confidence desc, id) where status = 'waiting';
comment on index likeness.match_queue_best_idx is 'Serves the review list, surest first.';
create index match_queue_canonical_idx on likeness.match_queue (canonical_product_id) where canonical_product_id is not null;
comment on index likeness.match_queue_canonical_idx is 'Serves the review list by products affected, and the foreign key of canonical_products.';
create index match_queue_candidates_idx on likeness.match_queue using gin (candidates jsonb_path_ops) where status = 'waiting';
comment on index likeness.match_queue_candidates_idx is 'Serves merge_canonical_products(): items that name a canonical product that goes.';
create index match_queue_history_idx on likeness.match_queue (product_id, id);
comment on index likeness.match_queue_history_idx is 'Serves the foreign key of products and the decisions about one product.';

create table likeness.match_log (
  id bigint generated always as identity constraint match_log_pkey primary key,
  action text not null constraint match_action_is_known check (action in ('linked', 'accepted', 'created', 'rejected', 'unlinked', 'merged', 'undone')),
  product_id bigint,
  canonical_product_id bigint,
  was_canonical_product_id bigint,
  method text constraint match_method_is_known check (method in ('barcode', 'name', 'new', 'person')),
  confidence real,
  decided_by text not null constraint decision_names_somebody check (decided_by <> ''),
  decided_at timestamptz not null,
  is_automatic boolean not null,
  queue_item_id bigint,
  undoes_id bigint constraint match_log_undoes_id_key unique constraint match_log_undoes_id_fkey references likeness.match_log,
  reason text not null default '',
  evidence jsonb not null default '{}',
  constraint undone_names_what check ((action = 'undone') = (undoes_id is not null)),
  constraint decision_is_about_a_product check (action in ('merged', 'undone') or product_id is not null)
);
comment on table likeness.match_log is 'Every decision about what is the same thing, with its evidence. Append-only: an undo is a row of its own.';
comment on column likeness.match_log.id is 'Key; what undo_match() takes.';
comment on column likeness.match_log.action is 'linked (by itself), accepted, created, rejected, unlinked, merged (two canonical products) or undone.';
comment on column likeness.match_log.product_id is 'The product; its row may be gone, so no foreign key.';
comment on column likeness.match_log.canonical_product_id is 'What it was linked to, or what was rejected; of a merge the one that stayed.';
comment on column likeness.match_log.was_canonical_product_id is 'What it was linked to before; of a merge the one that went.';
comment on column likeness.match_log.method is 'barcode, name, new (it became a canonical product itself) or person.';
comment on column likeness.match_log.confidence is 'Confidence at that time.';
comment on column likeness.match_log.decided_by is 'Who decided.';
comment on column likeness.match_log.decided_at is 'When.';
comment on column likeness.match_log.is_automatic is 'No person looked at it.';
comment on column likeness.match_log.queue_item_id is 'The item of match_queue that it decided.';
comment on column likeness.match_log.undoes_id is 'The decision that this one takes back; one can be taken back once.';
comment on column likeness.match_log.reason is 'Why, as a sentence.';
comment on column likeness.match_log.evidence is 'What spoke for it; of a merge all that it moved, so that it can be undone.';
comment on index likeness.match_log_pkey is 'Serves undo_match().';
comment on index likeness.match_log_undoes_id_key is 'Serves undo_match(): what is taken back already.';
create index match_log_product_idx on likeness.match_log (product_id, id);
comment on index likeness.match_log_product_idx is 'Serves undo_match(): what stands on a decision; and match_quality.';
create index match_log_canonical_idx on likeness.match_log (canonical_product_id, id);
comment on index likeness.match_log_canonical_idx is 'Serves undo_match(): later merges of a canonical product.';

create table likeness.match_rejections (
  product_id bigint not null constraint match_rejections_product_id_fkey references likeness.products on delete cascade,
  canonical_product_id bigint not null constraint match_rejections_canonical_product_id_fkey references likeness.canonical_products on delete cascade,
  log_id bigint not null constraint match_rejections_log_id_fkey references likeness.match_log,
  constraint match_rejections_pkey primary key (product_id, canonical_product_id)
);
comment on table likeness.match_rejections is 'Pairs that a person said are not the same thing: never linked by themselves and never proposed again.';
comment on column likeness.match_rejections.product_id is 'The product.';
comment on column likeness.match_rejections.canonical_product_id is 'What it is not.';
comment on column likeness.match_rejections.log_id is 'The decision.';
comment on index likeness.match_rejections_pkey is 'Serves plan_matches().';
create index match_rejections_canonical_idx on likeness.match_rejections (canonical_product_id);
comment on index likeness.match_rejections_canonical_idx is 'Serves merge_canonical_products() and the foreign key of canonical_products.';
create index match_rejections_log_idx on likeness.match_rejections (log_id);
comment on index likeness.match_rejections_log_idx is 'Serves undo_match() and the foreign key of match_log.';

create type likeness.match_decision as (
  product_id bigint,
  action text,
  canonical_product_id bigint,
  confidence real,
  method text,
  reason text,
  candidates jsonb
);
comment on type likeness.match_decision is 'What matching makes of one product.';
comment on column likeness.match_decision.product_id is 'The product.';
comment on column likeness.match_decision.action is 'link, suggest or review (a person decides; suggest: it is likely), create (it becomes a canonical product) or leave.';
comment on column likeness.match_decision.canonical_product_id is 'The best candidate.';
comment on column likeness.match_decision.confidence is 'Of the best candidate; 0: there is none.';
comment on column likeness.match_decision.method is 'barcode, name or new.';
comment on column likeness.match_decision.reason is 'Why, as a sentence.';
comment on column likeness.match_decision.candidates is 'List of {canonical_product_id, confidence, method, evidence}, best first.';
