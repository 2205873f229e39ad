-- What sql/migrations add up to. Made by scripts/dump_schema; not edited by hand.
-- Functions, views and triggers are not here: each has a file of its own beside this one.

CREATE SCHEMA likeness;

COMMENT ON SCHEMA likeness IS 'Likeness: mirrors, matches and serves product pictures. Start with sql/README.md.';

CREATE TYPE likeness.feed_change AS (
	image_id bigint,
	product_id bigint,
	"position" integer,
	source_url text
);

COMMENT ON TYPE likeness.feed_change IS 'What becomes of one picture of a product whose list of pictures changed.';

COMMENT ON COLUMN likeness.feed_change.image_id IS 'The row of images; null: it is to be made.';

COMMENT ON COLUMN likeness.feed_change.product_id IS 'Its product.';

COMMENT ON COLUMN likeness.feed_change."position" IS 'Its place to be; null: it is to go.';

COMMENT ON COLUMN likeness.feed_change.source_url IS 'Its source to be; null: the same.';

CREATE TYPE likeness.feed_pair AS (
	product_id bigint,
	image_id bigint,
	"position" integer,
	old_position integer,
	source_url text
);

COMMENT ON TYPE likeness.feed_pair IS 'A picture of a product whose list of pictures changed: as it is, beside the feed''s picture of the same address.';

COMMENT ON COLUMN likeness.feed_pair.product_id IS 'Its product.';

COMMENT ON COLUMN likeness.feed_pair.image_id IS 'The row of images; null: no picture has this address yet.';

COMMENT ON COLUMN likeness.feed_pair."position" IS 'Its place in the feed; null: the feed has it no more.';

COMMENT ON COLUMN likeness.feed_pair.old_position IS 'Its place now; null: it is not there yet.';

COMMENT ON COLUMN likeness.feed_pair.source_url IS 'Its source in the feed.';

CREATE TYPE likeness.feed_picture AS (
	line bigint,
	row_line bigint,
	"position" integer,
	source_url text,
	source_key text
);

COMMENT ON TYPE likeness.feed_picture IS 'One picture of a feed at its place, duplicates left out.';

COMMENT ON COLUMN likeness.feed_picture.line IS 'Line of the first row of its product.';

COMMENT ON COLUMN likeness.feed_picture.row_line IS 'Line of the row that brings it.';

COMMENT ON COLUMN likeness.feed_picture."position" IS 'Order among the pictures of its product; 0 comes first.';

COMMENT ON COLUMN likeness.feed_picture.source_url IS 'Address or path as the feed gives it.';

COMMENT ON COLUMN likeness.feed_picture.source_key IS 'The same without what makes no difference.';

CREATE TYPE likeness.feed_product AS (
	line bigint,
	product_id bigint,
	dataset_id bigint,
	is_changed boolean,
	is_leaving boolean,
	has_new_media boolean,
	has_pictures boolean,
	sku text,
	product_status text,
	name text,
	brand text,
	gtin text,
	gtin_raw text,
	mpn text,
	size text,
	price numeric(14,4),
	media_changed_at timestamp with time zone,
	product_url text
);

COMMENT ON TYPE likeness.feed_product IS 'One product of a feed as it will be, beside what it is now.';

COMMENT ON COLUMN likeness.feed_product.line IS 'Line of its first row.';

COMMENT ON COLUMN likeness.feed_product.product_id IS 'The product; null: new.';

COMMENT ON COLUMN likeness.feed_product.dataset_id IS 'The dataset it is in now.';

COMMENT ON COLUMN likeness.feed_product.is_changed IS 'Some column of products will differ.';

COMMENT ON COLUMN likeness.feed_product.is_leaving IS 'It is active now and will not be.';

COMMENT ON COLUMN likeness.feed_product.has_new_media IS 'The feed says that its pictures changed since the last import.';

COMMENT ON COLUMN likeness.feed_product.has_pictures IS 'The feed tells its list of pictures; false: keep those there are.';

COMMENT ON COLUMN likeness.feed_product.sku IS 'The supplier''s own number.';

COMMENT ON COLUMN likeness.feed_product.product_status IS 'products.status to be.';

COMMENT ON COLUMN likeness.feed_product.name IS 'products.name to be.';

COMMENT ON COLUMN likeness.feed_product.brand IS 'products.brand to be.';

COMMENT ON COLUMN likeness.feed_product.gtin IS 'products.gtin to be.';

COMMENT ON COLUMN likeness.feed_product.gtin_raw IS 'products.gtin_raw to be.';

COMMENT ON COLUMN likeness.feed_product.mpn IS 'products.mpn to be.';

COMMENT ON COLUMN likeness.feed_product.size IS 'products.size to be.';

COMMENT ON COLUMN likeness.feed_product.price IS 'products.price to be.';

COMMENT ON COLUMN likeness.feed_product.media_changed_at IS 'products.media_changed_at to be.';

COMMENT ON COLUMN likeness.feed_product.product_url IS 'products.product_url to be.';

CREATE TYPE likeness.feed_row AS (
	line bigint,
	sku text,
	product_status text,
	name text,
	brand text,
	gtin_raw text,
	mpn text,
	size text,
	price text,
	media_changed text,
	product_url text,
	picture_order integer,
	pictures text[]
);

COMMENT ON TYPE likeness.feed_row IS 'One good row of a feed file, as COPY brings it. Null: the feed does not speak of it, keep what there is; empty: the feed says that there is none.';

COMMENT ON COLUMN likeness.feed_row.line IS 'Line of the file that the row begins in, counted from 1.';

COMMENT ON COLUMN likeness.feed_row.sku IS 'The supplier''s own number; the same in further rows that only bring more pictures.';

COMMENT ON COLUMN likeness.feed_row.product_status IS 'active, inactive or deleted.';

COMMENT ON COLUMN likeness.feed_row.name IS 'Name.';

COMMENT ON COLUMN likeness.feed_row.brand IS 'Brand.';

COMMENT ON COLUMN likeness.feed_row.gtin_raw IS 'Barcode as the feed gives it.';

COMMENT ON COLUMN likeness.feed_row.mpn IS 'The manufacturer''s part number.';

COMMENT ON COLUMN likeness.feed_row.size IS 'Size or content.';

COMMENT ON COLUMN likeness.feed_row.price IS 'A decimal number as text, or empty.';

COMMENT ON COLUMN likeness.feed_row.media_changed IS 'Time in ISO 8601 with zone as text, or empty.';

COMMENT ON COLUMN likeness.feed_row.product_url IS 'Page of the product.';

COMMENT ON COLUMN likeness.feed_row.picture_order IS 'Place of the row''s pictures among those of all rows of its sku; null: as they come.';

COMMENT ON COLUMN likeness.feed_row.pictures IS 'Addresses or paths of pictures, the hero first.';

CREATE TYPE likeness.feed_stale AS (
	image_id bigint,
	has_new_address boolean
);

COMMENT ON TYPE likeness.feed_stale IS 'A picture that stays, and that has to be fetched afresh.';

COMMENT ON COLUMN likeness.feed_stale.image_id IS 'The row of images.';

COMMENT ON COLUMN likeness.feed_stale.has_new_address IS 'Its address is another now; false: only the feed says that the picture changed.';

CREATE TYPE likeness.look AS (
	image_id bigint,
	host_id bigint,
	supplier_id bigint,
	product_id bigint,
	is_check boolean,
	result text,
	is_conditional boolean,
	said_unmodified boolean,
	has_same_validators boolean,
	requests integer,
	bytes bigint,
	changed_at timestamp with time zone,
	was_announced boolean,
	is_permanent boolean,
	failure_text text
);

COMMENT ON TYPE likeness.look IS 'What one fetch says about its source: made by judge_looks(), read by learn_freshness().';

COMMENT ON COLUMN likeness.look.image_id IS 'The picture.';

COMMENT ON COLUMN likeness.look.host_id IS 'Its host.';

COMMENT ON COLUMN likeness.look.supplier_id IS 'Its supplier; null: a shared picture.';

COMMENT ON COLUMN likeness.look.product_id IS 'Its product; null: a shared picture.';

COMMENT ON COLUMN likeness.look.is_check IS 'It was a check; otherwise the picture was known to be stale.';

COMMENT ON COLUMN likeness.look.result IS 'first (nothing to compare with), unmodified, same, changed or failed.';

COMMENT ON COLUMN likeness.look.is_conditional IS 'The request carried validators.';

COMMENT ON COLUMN likeness.look.said_unmodified IS 'The source said that nothing had changed, whether or not that was true.';

COMMENT ON COLUMN likeness.look.has_same_validators IS 'The validators are those of the last time; null: there are none.';

COMMENT ON COLUMN likeness.look.requests IS 'Requests that it took.';

COMMENT ON COLUMN likeness.look.bytes IS 'Bytes fetched.';

COMMENT ON COLUMN likeness.look.changed_at IS 'When the source says that it last changed, where that is news.';

COMMENT ON COLUMN likeness.look.was_announced IS 'The feed had told of the change.';

COMMENT ON COLUMN likeness.look.is_permanent IS 'It failed, and trying again is no use.';

COMMENT ON COLUMN likeness.look.failure_text IS 'The failure in words.';

CREATE TYPE likeness.match_decision AS (
	product_id bigint,
	action text,
	canonical_product_id bigint,
	confidence real,
	method text,
	reason text,
	candidates jsonb
);

COMMENT ON TYPE likeness.match_decision IS 'What matching makes of one product.';

COMMENT ON COLUMN likeness.match_decision.product_id IS 'The product.';

COMMENT ON COLUMN likeness.match_decision.action IS 'link, suggest or review (a person decides; suggest: it is likely), create (it becomes a canonical product) or leave.';

COMMENT ON COLUMN likeness.match_decision.canonical_product_id IS 'The best candidate.';

COMMENT ON COLUMN likeness.match_decision.confidence IS 'Of the best candidate; 0: there is none.';

COMMENT ON COLUMN likeness.match_decision.method IS 'barcode, name or new.';

COMMENT ON COLUMN likeness.match_decision.reason IS 'Why, as a sentence.';

COMMENT ON COLUMN likeness.match_decision.candidates IS 'List of {canonical_product_id, confidence, method, evidence}, best first.';

CREATE TYPE likeness.outcome AS (
	image_id bigint,
	claim_no integer,
	is_completed boolean,
	is_reused boolean,
	sha256 text,
	source_bytes bigint,
	etag text,
	last_modified text,
	fetch_ms real,
	reason text,
	failure_text text,
	is_retryable boolean,
	is_host_fault boolean,
	retry_after_seconds real,
	blob jsonb,
	is_conditional boolean,
	said_unmodified boolean
);

COMMENT ON TYPE likeness.outcome IS 'What became of one claim, as finish_images() takes it (a JSON object with these keys).';

COMMENT ON COLUMN likeness.outcome.image_id IS 'The picture.';

COMMENT ON COLUMN likeness.outcome.claim_no IS 'The claim that this ends.';

COMMENT ON COLUMN likeness.outcome.is_completed IS 'It has its bytes; otherwise it failed.';

COMMENT ON COLUMN likeness.outcome.is_reused IS 'The bytes were known already, or had not changed.';

COMMENT ON COLUMN likeness.outcome.sha256 IS 'sha256 of what was fetched; null: nothing was, or it had not changed.';

COMMENT ON COLUMN likeness.outcome.source_bytes IS 'Length of what was fetched.';

COMMENT ON COLUMN likeness.outcome.etag IS 'Validator for the next fetch.';

COMMENT ON COLUMN likeness.outcome.last_modified IS 'Validator for the next fetch.';

COMMENT ON COLUMN likeness.outcome.fetch_ms IS 'Duration of the fetch in milliseconds.';

COMMENT ON COLUMN likeness.outcome.reason IS 'Code of failure_reasons.';

COMMENT ON COLUMN likeness.outcome.failure_text IS 'The failure in words.';

COMMENT ON COLUMN likeness.outcome.is_retryable IS 'It may be tried again.';

COMMENT ON COLUMN likeness.outcome.is_host_fault IS 'It counts against the host.';

COMMENT ON COLUMN likeness.outcome.retry_after_seconds IS 'Least wait that the source asked for.';

COMMENT ON COLUMN likeness.outcome.blob IS 'What store_blobs() keeps of new bytes.';

COMMENT ON COLUMN likeness.outcome.is_conditional IS 'The request carried validators.';

COMMENT ON COLUMN likeness.outcome.said_unmodified IS 'The source said that nothing had changed; with a sha256 beside it, it was asked again without validators (an audit).';

CREATE TABLE likeness.canonical_products (
    id bigint NOT NULL,
    name text NOT NULL,
    brand text,
    gtin text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    mpn text,
    size text,
    price numeric(14,4),
    picture_product_id bigint,
    CONSTRAINT canonical_gtin_has_14_digits CHECK ((gtin ~ '^[0-9]{14}$'::text))
);

COMMENT ON TABLE likeness.canonical_products IS 'One real-world product that the products of several stores stand for.';

COMMENT ON COLUMN likeness.canonical_products.id IS 'Key.';

COMMENT ON COLUMN likeness.canonical_products.name IS 'Name shown to reviewers.';

COMMENT ON COLUMN likeness.canonical_products.brand IS 'Brand, where known.';

COMMENT ON COLUMN likeness.canonical_products.gtin IS 'Barcode as 14 digits, where known.';

COMMENT ON COLUMN likeness.canonical_products.created_at IS 'When the row was made.';

COMMENT ON COLUMN likeness.canonical_products.updated_at IS 'When the row was last changed.';

COMMENT ON COLUMN likeness.canonical_products.mpn IS 'The manufacturer''s part number, where known.';

COMMENT ON COLUMN likeness.canonical_products.size IS 'Size or content, where known.';

COMMENT ON COLUMN likeness.canonical_products.price IS 'A usual price, where known; used as evidence in matching only.';

COMMENT ON COLUMN likeness.canonical_products.picture_product_id IS 'The product whose pictures all its products show; null: its own pictures (uploaded to it), or none.';

CREATE TABLE likeness.datasets (
    id bigint NOT NULL,
    status text DEFAULT 'draft'::text NOT NULL,
    supplier_id bigint NOT NULL,
    name text NOT NULL,
    priority smallint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    activated_at timestamp with time zone,
    retired_at timestamp with time zone,
    image_url_prefix text,
    CONSTRAINT dataset_has_a_name CHECK ((name <> ''::text)),
    CONSTRAINT dataset_priority_is_a_class CHECK (((priority >= 0) AND (priority <= 1))),
    CONSTRAINT dataset_status_is_known CHECK ((status = ANY (ARRAY['draft'::text, 'active'::text, 'retired'::text]))),
    CONSTRAINT draft_was_never_activated CHECK (((status = 'draft'::text) = (activated_at IS NULL))),
    CONSTRAINT prefix_is_absolute CHECK ((image_url_prefix ~* '^(https?|ftps?)://[^/?#]+'::text)),
    CONSTRAINT retired_says_when CHECK (((status = 'retired'::text) = (retired_at IS NOT NULL)))
);

COMMENT ON TABLE likeness.datasets IS 'One import of a supplier''s feed: draft, then active (its pictures are queued), then retired.';

COMMENT ON COLUMN likeness.datasets.id IS 'Key.';

COMMENT ON COLUMN likeness.datasets.status IS 'draft, active or retired.';

COMMENT ON COLUMN likeness.datasets.supplier_id IS 'Whose feed it is.';

COMMENT ON COLUMN likeness.datasets.name IS 'For people; the file''s name by default.';

COMMENT ON COLUMN likeness.datasets.priority IS 'Least priority class of its pictures: 1 popular, 0 rest.';

COMMENT ON COLUMN likeness.datasets.created_at IS 'When the import began.';

COMMENT ON COLUMN likeness.datasets.activated_at IS 'When activate_dataset() queued its pictures.';

COMMENT ON COLUMN likeness.datasets.retired_at IS 'When a later import took over its last product.';

COMMENT ON COLUMN likeness.datasets.image_url_prefix IS 'Base that relative picture paths of the feed are joined to.';

CREATE TABLE likeness.images (
    id bigint NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    product_id bigint,
    canonical_product_id bigint,
    "position" smallint DEFAULT 0 NOT NULL,
    role text DEFAULT 'hero'::text NOT NULL,
    priority smallint DEFAULT 0 NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    worker_deaths smallint DEFAULT 0 NOT NULL,
    failure_reason text,
    failure_text text,
    queued_at timestamp with time zone,
    retry_at timestamp with time zone,
    claimed_by text,
    claim_expires_at timestamp with time zone,
    claim_no integer DEFAULT 0 NOT NULL,
    is_suspect boolean DEFAULT false NOT NULL,
    is_alone boolean DEFAULT false NOT NULL,
    mirrored_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    host_id bigint,
    run_id bigint,
    blob_sha256 text COLLATE pg_catalog."C",
    source_bytes bigint,
    source_etag text,
    source_last_modified text,
    source_url text NOT NULL,
    fetch_url text,
    is_check boolean DEFAULT false NOT NULL,
    is_forced boolean DEFAULT false NOT NULL,
    uploaded_sha256 text COLLATE pg_catalog."C",
    CONSTRAINT attempts_are_counted_up CHECK ((attempts >= 0)),
    CONSTRAINT blob_says_since_when CHECK (((blob_sha256 IS NULL) = (mirrored_at IS NULL))),
    CONSTRAINT check_is_of_something_shown CHECK (((NOT is_check) OR ((status = ANY (ARRAY['completed'::text, 'processing'::text])) AND (blob_sha256 IS NOT NULL)))),
    CONSTRAINT claim_has_expiry CHECK (((claimed_by IS NULL) = (claim_expires_at IS NULL))),
    CONSTRAINT completed_has_blob CHECK (((status <> ALL (ARRAY['completed'::text, 'outdated'::text])) OR (blob_sha256 IS NOT NULL))),
    CONSTRAINT completed_has_no_failure CHECK (((status <> 'completed'::text) OR (failure_reason IS NULL))),
    CONSTRAINT deaths_are_counted_up CHECK ((worker_deaths >= 0)),
    CONSTRAINT failed_has_reason CHECK (((status <> 'failed'::text) OR (failure_reason IS NOT NULL))),
    CONSTRAINT image_has_a_source CHECK ((source_url <> ''::text)),
    CONSTRAINT image_has_one_owner CHECK ((num_nonnulls(product_id, canonical_product_id) = 1)),
    CONSTRAINT only_a_claimed_suspect_is_alone CHECK (((NOT is_alone) OR (is_suspect AND (claimed_by IS NOT NULL)))),
    CONSTRAINT only_waiting_is_queued CHECK (((queued_at IS NULL) OR (status = ANY (ARRAY['pending'::text, 'outdated'::text])) OR ((status = 'completed'::text) AND is_check))),
    CONSTRAINT position_is_not_negative CHECK (("position" >= 0)),
    CONSTRAINT priority_is_a_class CHECK (((priority >= 0) AND (priority <= 3))),
    CONSTRAINT processing_is_claimed CHECK (((status = 'processing'::text) = (claimed_by IS NOT NULL))),
    CONSTRAINT queued_knows_its_host CHECK (((queued_at IS NULL) OR ((host_id IS NOT NULL) AND (fetch_url IS NOT NULL)))),
    CONSTRAINT retry_is_queued CHECK (((retry_at IS NULL) OR (queued_at IS NOT NULL))),
    CONSTRAINT role_is_known CHECK ((role = ANY (ARRAY['hero'::text, 'gallery'::text, 'thumb'::text]))),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['pending'::text, 'processing'::text, 'completed'::text, 'failed'::text, 'outdated'::text])))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.1', autovacuum_analyze_scale_factor='0.05');

COMMENT ON TABLE likeness.images IS 'A picture wanted: a place (owner and position) and its source. Its state machine is in sql/README.md.';

COMMENT ON COLUMN likeness.images.id IS 'Key.';

COMMENT ON COLUMN likeness.images.status IS 'pending, processing, completed, failed, or outdated (completed, known stale, still served).';

COMMENT ON COLUMN likeness.images.product_id IS 'The product it belongs to, or null when it is shared.';

COMMENT ON COLUMN likeness.images.canonical_product_id IS 'The real-world product that shares it, or null when it is one product''s own.';

COMMENT ON COLUMN likeness.images."position" IS 'Order among the owner''s pictures; 0 comes first.';

COMMENT ON COLUMN likeness.images.role IS 'hero (the first), gallery, or thumb.';

COMMENT ON COLUMN likeness.images.priority IS '3 being looked at now, 2 in a result just listed, 1 popular, 0 rest.';

COMMENT ON COLUMN likeness.images.attempts IS 'Claims that ended in a fault of the source since it was last completed or queued afresh.';

COMMENT ON COLUMN likeness.images.worker_deaths IS 'Workers that died while this was the only picture they had in hand.';

COMMENT ON COLUMN likeness.images.failure_reason IS 'Why the last attempt failed: a code of failure_reasons.';

COMMENT ON COLUMN likeness.images.failure_text IS 'The same in words, with the particulars.';

COMMENT ON COLUMN likeness.images.queued_at IS 'Waiting to be claimed since; null when it does not wait.';

COMMENT ON COLUMN likeness.images.retry_at IS 'Not claimed before this; null: due now.';

COMMENT ON COLUMN likeness.images.claimed_by IS 'Worker that has it in hand.';

COMMENT ON COLUMN likeness.images.claim_expires_at IS 'When the claim is lost unless renewed.';

COMMENT ON COLUMN likeness.images.claim_no IS 'Counts claims: a finish with an older number is refused.';

COMMENT ON COLUMN likeness.images.is_suspect IS 'A worker died with it in hand: it is claimed alone until it ends.';

COMMENT ON COLUMN likeness.images.is_alone IS 'Its worker has nothing else in hand: if that worker dies now, this picture did it.';

COMMENT ON COLUMN likeness.images.mirrored_at IS 'When its bytes were last fetched or confirmed.';

COMMENT ON COLUMN likeness.images.created_at IS 'When it was first wanted.';

COMMENT ON COLUMN likeness.images.updated_at IS 'When its state last changed.';

COMMENT ON COLUMN likeness.images.host_id IS 'Host of fetch_url.';

COMMENT ON COLUMN likeness.images.run_id IS 'Run it was last queued under.';

COMMENT ON COLUMN likeness.images.blob_sha256 IS 'The bytes it shows; kept while a refresh is pending or has failed.';

COMMENT ON COLUMN likeness.images.source_bytes IS 'Length of the source when last fetched.';

COMMENT ON COLUMN likeness.images.source_etag IS 'ETag of the source when last fetched.';

COMMENT ON COLUMN likeness.images.source_last_modified IS 'Last-Modified of the source when last fetched, as sent.';

COMMENT ON COLUMN likeness.images.source_url IS 'Address or path as the feed gave it; never erased.';

COMMENT ON COLUMN likeness.images.fetch_url IS 'Absolute address, built from source_url and the dataset''s prefix when it was queued.';

COMMENT ON COLUMN likeness.images.is_check IS 'It is queued or in hand only to see whether its source has changed: what it shows counts as true meanwhile, and whatever comes of it, it stays completed.';

COMMENT ON COLUMN likeness.images.is_forced IS 'Its next fetch asks without validators, so that bytes come whatever the source says of them; ends with that fetch.';

COMMENT ON COLUMN likeness.images.uploaded_sha256 IS 'The bytes that somebody uploaded for it, which the store has as an original; null: its source is elsewhere.';

CREATE TABLE likeness.products (
    id bigint NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    supplier_id bigint NOT NULL,
    dataset_id bigint NOT NULL,
    sku text NOT NULL,
    canonical_product_id bigint,
    use_custom_image boolean DEFAULT false NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    brand text,
    gtin text,
    gtin_raw text,
    mpn text,
    size text,
    price numeric(14,4),
    media_changed_at timestamp with time zone,
    status_changed_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    product_url text,
    gtin_note text,
    linked_at timestamp with time zone,
    matched_at timestamp with time zone,
    pictures_released_at timestamp with time zone,
    is_curated boolean DEFAULT false NOT NULL,
    CONSTRAINT gtin_has_14_digits CHECK ((gtin ~ '^[0-9]{14}$'::text)),
    CONSTRAINT product_has_a_sku CHECK ((sku <> ''::text)),
    CONSTRAINT product_status_is_known CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text, 'deleted'::text])))
);

COMMENT ON TABLE likeness.products IS 'A supplier''s or a store''s product, as its feed tells it.';

COMMENT ON COLUMN likeness.products.id IS 'Key; what a frontend asks for.';

COMMENT ON COLUMN likeness.products.status IS 'active, inactive or deleted; only the pictures of active products are fetched.';

COMMENT ON COLUMN likeness.products.supplier_id IS 'Whose product it is.';

COMMENT ON COLUMN likeness.products.dataset_id IS 'The import that last told of it.';

COMMENT ON COLUMN likeness.products.sku IS 'The supplier''s own number, as text.';

COMMENT ON COLUMN likeness.products.canonical_product_id IS 'The real-world product it stands for, once matched.';

COMMENT ON COLUMN likeness.products.use_custom_image IS 'The store wants its own picture even where a shared one exists.';

COMMENT ON COLUMN likeness.products.name IS 'Name; also the alternative text of its pictures.';

COMMENT ON COLUMN likeness.products.brand IS 'Brand, where the feed gives it.';

COMMENT ON COLUMN likeness.products.gtin IS 'Barcode as 14 digits with a correct check digit, or null.';

COMMENT ON COLUMN likeness.products.gtin_raw IS 'Barcode as the feed gave it.';

COMMENT ON COLUMN likeness.products.mpn IS 'The manufacturer''s part number, where the feed gives it.';

COMMENT ON COLUMN likeness.products.size IS 'Size or content, where the feed gives it.';

COMMENT ON COLUMN likeness.products.price IS 'Price, where the feed gives it; used as evidence in matching only.';

COMMENT ON COLUMN likeness.products.media_changed_at IS 'When the feed says that its pictures last changed.';

COMMENT ON COLUMN likeness.products.status_changed_at IS 'When status last changed.';

COMMENT ON COLUMN likeness.products.created_at IS 'When it was first imported.';

COMMENT ON COLUMN likeness.products.updated_at IS 'When an import last changed it.';

COMMENT ON COLUMN likeness.products.product_url IS 'Page of the product at its supplier; sent as Referer where request_headers says so.';

COMMENT ON COLUMN likeness.products.gtin_note IS 'What was repaired in the barcode, or with no gtin why it was refused; null: it was right as it came, or there is none.';

COMMENT ON COLUMN likeness.products.linked_at IS 'Since when it stands for its canonical product.';

COMMENT ON COLUMN likeness.products.matched_at IS 'When matching last decided about it; null: it waits to be matched.';

COMMENT ON COLUMN likeness.products.pictures_released_at IS 'When cleanup_products() last took its pictures; what it left after that counts anew.';

COMMENT ON COLUMN likeness.products.is_curated IS 'Staff arranged its pictures: feeds still bring and take pictures, but move none.';

CREATE TABLE likeness.webhook_deliveries (
    id bigint NOT NULL,
    status text DEFAULT 'waiting'::text NOT NULL,
    webhook_id bigint NOT NULL,
    event text NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    next_attempt_at timestamp with time zone,
    finished_at timestamp with time zone,
    http_status integer,
    error text,
    payload jsonb NOT NULL,
    CONSTRAINT delivery_attempts_are_counted_up CHECK ((attempts >= 0)),
    CONSTRAINT delivery_status_is_known CHECK ((status = ANY (ARRAY['waiting'::text, 'delivered'::text, 'failed'::text]))),
    CONSTRAINT finished_delivery_says_when CHECK (((status = 'waiting'::text) = (finished_at IS NULL))),
    CONSTRAINT waiting_delivery_has_a_next_attempt CHECK (((status = 'waiting'::text) = (next_attempt_at IS NOT NULL)))
)
WITH (fillfactor='80');

COMMENT ON TABLE likeness.webhook_deliveries IS 'The outbox: each event for each webhook that wants it. Delivered at least once; old ones are forgotten by prune_history().';

COMMENT ON COLUMN likeness.webhook_deliveries.id IS 'Key; a receiver knows a repetition by it.';

COMMENT ON COLUMN likeness.webhook_deliveries.status IS 'waiting, delivered or failed (given up after 8 attempts).';

COMMENT ON COLUMN likeness.webhook_deliveries.webhook_id IS 'For whom.';

COMMENT ON COLUMN likeness.webhook_deliveries.event IS 'What happened.';

COMMENT ON COLUMN likeness.webhook_deliveries.attempts IS 'Attempts begun.';

COMMENT ON COLUMN likeness.webhook_deliveries.created_at IS 'When it happened.';

COMMENT ON COLUMN likeness.webhook_deliveries.next_attempt_at IS 'Not tried before this; while an attempt is under way, when it counts as lost.';

COMMENT ON COLUMN likeness.webhook_deliveries.finished_at IS 'When it was taken, or given up.';

COMMENT ON COLUMN likeness.webhook_deliveries.http_status IS 'What the receiver answered last.';

COMMENT ON COLUMN likeness.webhook_deliveries.error IS 'Why the last attempt failed.';

COMMENT ON COLUMN likeness.webhook_deliveries.payload IS 'The particulars.';

CREATE TABLE likeness.webhook_secrets (
    webhook_id bigint NOT NULL,
    secret text NOT NULL,
    CONSTRAINT secret_is_long CHECK ((length(secret) >= 16))
);

COMMENT ON TABLE likeness.webhook_secrets IS 'What deliveries are signed with. Out of reach of likeness_reader.';

COMMENT ON COLUMN likeness.webhook_secrets.webhook_id IS 'Whose.';

COMMENT ON COLUMN likeness.webhook_secrets.secret IS 'The key of the HMAC.';

CREATE TABLE likeness.webhooks (
    id bigint NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT webhook_has_an_address CHECK ((url ~* '^https?://[^/?#]+'::text)),
    CONSTRAINT webhook_status_is_known CHECK ((status = ANY (ARRAY['active'::text, 'paused'::text]))),
    CONSTRAINT webhook_wants_something CHECK ((cardinality(events) > 0))
);

COMMENT ON TABLE likeness.webhooks IS 'Who wants to hear of events: save_webhook().';

COMMENT ON COLUMN likeness.webhooks.id IS 'Key.';

COMMENT ON COLUMN likeness.webhooks.status IS 'active, or paused: nothing new is put into its outbox.';

COMMENT ON COLUMN likeness.webhooks.url IS 'Where events are posted.';

COMMENT ON COLUMN likeness.webhooks.events IS 'Names of events, or beginnings that end in *: alert.opened, alert.*, *.';

COMMENT ON COLUMN likeness.webhooks.created_at IS 'When it was made.';

CREATE TABLE likeness.runs (
    id bigint NOT NULL,
    status text DEFAULT 'running'::text NOT NULL,
    label text NOT NULL,
    wanted integer DEFAULT 0 NOT NULL,
    attempted integer DEFAULT 0 NOT NULL,
    stored integer DEFAULT 0 NOT NULL,
    reused integer DEFAULT 0 NOT NULL,
    skipped integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    max_concurrent integer,
    waiting integer DEFAULT 0 NOT NULL,
    failed_by_reason jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT finished_run_says_when CHECK (((status = 'finished'::text) = (finished_at IS NOT NULL))),
    CONSTRAINT run_cap_is_positive CHECK ((max_concurrent > 0)),
    CONSTRAINT run_status_is_known CHECK ((status = ANY (ARRAY['running'::text, 'finished'::text]))),
    CONSTRAINT run_waiting_is_not_negative CHECK ((waiting >= 0))
);

COMMENT ON TABLE likeness.runs IS 'One mirror run: what was asked for together, and what became of it.';

COMMENT ON COLUMN likeness.runs.id IS 'Key.';

COMMENT ON COLUMN likeness.runs.status IS 'running until every picture of it is completed or failed.';

COMMENT ON COLUMN likeness.runs.label IS 'What it was for.';

COMMENT ON COLUMN likeness.runs.wanted IS 'Pictures queued under it.';

COMMENT ON COLUMN likeness.runs.attempted IS 'Claims that ended, well or not.';

COMMENT ON COLUMN likeness.runs.stored IS 'Pictures completed with bytes that were new.';

COMMENT ON COLUMN likeness.runs.reused IS 'Pictures completed with bytes that were known already.';

COMMENT ON COLUMN likeness.runs.skipped IS 'Pictures that needed nothing.';

COMMENT ON COLUMN likeness.runs.failed IS 'Pictures failed for good.';

COMMENT ON COLUMN likeness.runs.started_at IS 'When it began.';

COMMENT ON COLUMN likeness.runs.finished_at IS 'When its last picture was settled.';

COMMENT ON COLUMN likeness.runs.max_concurrent IS 'Most pictures of it that are queued or in hand at once; null: no limit of its own.';

COMMENT ON COLUMN likeness.runs.waiting IS 'Pictures of it that are not queued yet, because max_concurrent are: rows of run_waiting.';

COMMENT ON COLUMN likeness.runs.failed_by_reason IS 'What failed counts, by failure_reasons.code: {"not-found": 3}.';

CREATE TABLE likeness.blobs (
    sha256 text NOT NULL COLLATE pg_catalog."C",
    status text DEFAULT 'storing'::text NOT NULL,
    format text,
    width integer,
    height integer,
    bytes bigint,
    has_original boolean DEFAULT false NOT NULL,
    stored_by text,
    storing_expires_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    stored_at timestamp with time zone,
    condemned_at timestamp with time zone,
    phash bigint,
    placeholder text,
    signature bytea,
    renditions jsonb DEFAULT '[]'::jsonb NOT NULL,
    is_deleting boolean DEFAULT false NOT NULL,
    was_taken_over boolean DEFAULT false NOT NULL,
    sizes jsonb DEFAULT '{}'::jsonb NOT NULL,
    srcset text DEFAULT '{}'::text NOT NULL,
    CONSTRAINT blob_bytes_are_positive CHECK ((bytes > 0)),
    CONSTRAINT blob_height_is_positive CHECK ((height > 0)),
    CONSTRAINT blob_status_is_known CHECK ((status = ANY (ARRAY['storing'::text, 'stored'::text, 'condemned'::text]))),
    CONSTRAINT blob_width_is_positive CHECK ((width > 0)),
    CONSTRAINT condemned_says_when CHECK (((status = 'condemned'::text) = (condemned_at IS NOT NULL))),
    CONSTRAINT deleting_bytes_are_not_stored CHECK (((NOT is_deleting) OR (status <> 'stored'::text))),
    CONSTRAINT renditions_are_a_list CHECK ((jsonb_typeof(renditions) = 'array'::text)),
    CONSTRAINT sha256_is_64_hex_digits CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT signature_is_8_by_8_rgb CHECK ((octet_length(signature) = 192)),
    CONSTRAINT sizes_are_an_object CHECK ((jsonb_typeof(sizes) = 'object'::text)),
    CONSTRAINT stored_blob_is_described CHECK (((status = 'storing'::text) OR ((stored_at IS NOT NULL) AND (format IS NOT NULL) AND (width IS NOT NULL) AND (height IS NOT NULL) AND (bytes IS NOT NULL)))),
    CONSTRAINT storing_blob_has_expiry CHECK (((status = 'storing'::text) = (storing_expires_at IS NOT NULL)))
);

COMMENT ON TABLE likeness.blobs IS 'Bytes by the sha256 of the original: one row for all objects that may exist under o/../<sha256> and v/../<sha256>/ in the store.';

COMMENT ON COLUMN likeness.blobs.sha256 IS 'sha256 of the original, 64 hex digits: its address.';

COMMENT ON COLUMN likeness.blobs.status IS 'storing (objects may exist), stored (all exist), condemned (about to be deleted).';

COMMENT ON COLUMN likeness.blobs.format IS 'Format of the original, by content: jpeg, png, webp, avif, gif ...';

COMMENT ON COLUMN likeness.blobs.width IS 'Width of the upright original in pixels.';

COMMENT ON COLUMN likeness.blobs.height IS 'Height of the upright original in pixels.';

COMMENT ON COLUMN likeness.blobs.bytes IS 'Length of the original.';

COMMENT ON COLUMN likeness.blobs.has_original IS 'The original is kept in the store.';

COMMENT ON COLUMN likeness.blobs.stored_by IS 'Worker that makes or made the renditions.';

COMMENT ON COLUMN likeness.blobs.storing_expires_at IS 'When another worker may take the storing over.';

COMMENT ON COLUMN likeness.blobs.created_at IS 'When the bytes were first met.';

COMMENT ON COLUMN likeness.blobs.stored_at IS 'When all objects were in the store.';

COMMENT ON COLUMN likeness.blobs.condemned_at IS 'When garbage collection found no reference.';

COMMENT ON COLUMN likeness.blobs.phash IS 'Perceptual hash (64 bits) of the upright picture.';

COMMENT ON COLUMN likeness.blobs.placeholder IS 'thumbhash in base64: a blurred stand-in of about 25 bytes.';

COMMENT ON COLUMN likeness.blobs.signature IS '8 x 8 RGB thumbnail (192 bytes): with phash it decides whether two pictures are the same.';

COMMENT ON COLUMN likeness.blobs.renditions IS 'List of {preset, format, recipe, width, height, bytes}: the objects under v/.';

COMMENT ON COLUMN likeness.blobs.is_deleting IS 'Deletion has begun: some of its objects may be gone, so that its bytes must be put again before they are shown.';

COMMENT ON COLUMN likeness.blobs.was_taken_over IS 'Another worker began to store it before: objects may exist though the last one rendered nothing.';

COMMENT ON COLUMN likeness.blobs.sizes IS 'What resolve_display_urls() reads of renditions: per preset its WebP file, width and height; under * any. Kept by a trigger.';

COMMENT ON COLUMN likeness.blobs.srcset IS 'The same by format, as the JSON text of a srcset in which @ stands for the folder of the files. Kept by a trigger.';

CREATE TABLE likeness.suppliers (
    id bigint NOT NULL,
    name text NOT NULL,
    priority smallint DEFAULT 0 NOT NULL,
    hide_origin boolean DEFAULT false NOT NULL,
    while_pending text DEFAULT 'proxy'::text NOT NULL,
    max_attempts smallint DEFAULT 3 NOT NULL,
    host_max_in_flight smallint DEFAULT 2 NOT NULL,
    host_min_interval interval DEFAULT '00:00:00.05'::interval NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    formats text[] DEFAULT '{jpeg,png,webp,avif,gif}'::text[] NOT NULL,
    allowed_hosts text[] DEFAULT '{}'::text[] NOT NULL,
    allowed_ports integer[] DEFAULT '{}'::integer[] NOT NULL,
    request_headers jsonb DEFAULT '{}'::jsonb NOT NULL,
    allowed_schemes text[] DEFAULT '{http,https,ftp,ftps}'::text[] NOT NULL,
    match_feeds boolean DEFAULT false NOT NULL,
    low_matches text DEFAULT 'review'::text NOT NULL,
    on_big_change text DEFAULT 'swap'::text NOT NULL,
    placeholder_products integer DEFAULT 20 NOT NULL,
    CONSTRAINT attempts_are_positive CHECK (((max_attempts >= 1) AND (max_attempts <= 20))),
    CONSTRAINT headers_are_an_object CHECK ((jsonb_typeof(request_headers) = 'object'::text)),
    CONSTRAINT hidden_origin_is_never_direct CHECK ((NOT (hide_origin AND (while_pending = 'direct'::text)))),
    CONSTRAINT low_matches_are_known CHECK ((low_matches = ANY (ARRAY['review'::text, 'leave'::text]))),
    CONSTRAINT on_big_change_is_known CHECK ((on_big_change = ANY (ARRAY['swap'::text, 'hold'::text]))),
    CONSTRAINT placeholder_products_is_not_negative CHECK ((placeholder_products >= 0)),
    CONSTRAINT schemes_are_known CHECK (((allowed_schemes <@ '{http,https,ftp,ftps}'::text[]) AND (allowed_schemes <> '{}'::text[]))),
    CONSTRAINT supplier_has_a_name CHECK ((name <> ''::text)),
    CONSTRAINT supplier_in_flight_is_positive CHECK ((host_max_in_flight > 0)),
    CONSTRAINT supplier_interval_is_not_negative CHECK ((host_min_interval >= '00:00:00'::interval)),
    CONSTRAINT supplier_priority_is_a_class CHECK (((priority >= 0) AND (priority <= 1))),
    CONSTRAINT while_pending_is_known CHECK ((while_pending = ANY (ARRAY['proxy'::text, 'direct'::text, 'none'::text])))
);

COMMENT ON TABLE likeness.suppliers IS 'Where feeds come from, and how to behave towards each.';

COMMENT ON COLUMN likeness.suppliers.id IS 'Key.';

COMMENT ON COLUMN likeness.suppliers.name IS 'Name used on the command line and in the API.';

COMMENT ON COLUMN likeness.suppliers.priority IS 'Least priority class of its pictures: 1 popular, 0 rest.';

COMMENT ON COLUMN likeness.suppliers.hide_origin IS 'Its URLs are never shown to anybody outside: only renditions and the proxy.';

COMMENT ON COLUMN likeness.suppliers.while_pending IS 'What is shown before a picture is mirrored: proxy, direct (https sources only), or none.';

COMMENT ON COLUMN likeness.suppliers.max_attempts IS 'Claims of one picture that may end in a fault of the source before it is failed.';

COMMENT ON COLUMN likeness.suppliers.host_max_in_flight IS 'Given to each new host of this supplier: most pictures fetched at once.';

COMMENT ON COLUMN likeness.suppliers.host_min_interval IS 'Given to each new host of this supplier: least time between two claims.';

COMMENT ON COLUMN likeness.suppliers.created_at IS 'When the row was made.';

COMMENT ON COLUMN likeness.suppliers.updated_at IS 'When the row was last changed.';

COMMENT ON COLUMN likeness.suppliers.formats IS 'Picture formats it may send, by content; others fail as unsupported-format.';

COMMENT ON COLUMN likeness.suppliers.allowed_hosts IS 'Exact hosts or .suffixes that its pictures may live on; empty: any public host.';

COMMENT ON COLUMN likeness.suppliers.allowed_ports IS 'Ports its servers may use; empty: the setting LIKENESS_ALLOWED_PORTS.';

COMMENT ON COLUMN likeness.suppliers.request_headers IS 'Headers of each request (Accept, User-Agent, Referer, X-Store-Id ...); {product_url} and {sku} are replaced.';

COMMENT ON COLUMN likeness.suppliers.allowed_schemes IS 'Schemes that its pictures'' addresses, and redirects from them, may have.';

COMMENT ON COLUMN likeness.suppliers.match_feeds IS 'Its products are matched by a worker after each import.';

COMMENT ON COLUMN likeness.suppliers.low_matches IS 'What becomes of products whose best candidate is below match_rules.suggest_from: review (a person sees it) or leave (unmatched).';

COMMENT ON COLUMN likeness.suppliers.on_big_change IS 'When a source gives a picture that looks unlike the one shown: swap it in, or hold it for change_reviews.';

COMMENT ON COLUMN likeness.suppliers.placeholder_products IS 'One picture on more products than this is taken for a placeholder; 0: never.';

CREATE TABLE likeness.hosts (
    id bigint NOT NULL,
    host text NOT NULL,
    paused boolean DEFAULT false NOT NULL,
    max_in_flight smallint DEFAULT 2 NOT NULL,
    min_interval interval DEFAULT '00:00:00.05'::interval NOT NULL,
    consecutive_faults integer DEFAULT 0 NOT NULL,
    blocked_until timestamp with time zone,
    blocked_reason text,
    ready_at timestamp with time zone,
    parked_for text DEFAULT 'empty'::text,
    best_priority smallint DEFAULT 0 NOT NULL,
    next_slot_at timestamp with time zone,
    fetches bigint DEFAULT 0 NOT NULL,
    faults bigint DEFAULT 0 NOT NULL,
    bytes bigint DEFAULT 0 NOT NULL,
    latency_ms real,
    last_fault_at timestamp with time zone,
    last_fetch_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    next_request_at timestamp with time zone,
    request_no integer DEFAULT 0 NOT NULL,
    unheard_until timestamp with time zone,
    least_latency_ms real,
    limits_of bigint,
    low_due_at timestamp with time zone,
    low_due_id bigint,
    low_lease_at timestamp with time zone,
    low_known_at timestamp with time zone,
    CONSTRAINT best_priority_is_a_class CHECK (((best_priority >= 0) AND (best_priority <= 3))),
    CONSTRAINT blocked_host_has_a_reason CHECK (((blocked_until IS NULL) = (blocked_reason IS NULL))),
    CONSTRAINT faults_are_not_negative CHECK ((consecutive_faults >= 0)),
    CONSTRAINT host_is_lower_case CHECK (((host = lower(host)) AND (host <> ''::text))),
    CONSTRAINT in_flight_is_positive CHECK ((max_in_flight > 0)),
    CONSTRAINT interval_is_not_negative CHECK ((min_interval >= '00:00:00'::interval)),
    CONSTRAINT parked_for_is_known CHECK ((parked_for = ANY (ARRAY['empty'::text, 'limit'::text]))),
    CONSTRAINT parked_host_is_not_ready CHECK (((ready_at IS NULL) = (parked_for IS NOT NULL)))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0');

COMMENT ON TABLE likeness.hosts IS 'A source host, how gently to treat it, and when it may next be called. Small and hot: the first level of the claim.';

COMMENT ON COLUMN likeness.hosts.id IS 'Key.';

COMMENT ON COLUMN likeness.hosts.host IS 'Name in lower case, with the port where it is not the scheme''s own.';

COMMENT ON COLUMN likeness.hosts.paused IS 'Switched off by a person.';

COMMENT ON COLUMN likeness.hosts.max_in_flight IS 'Most pictures being fetched from it at once, over all workers.';

COMMENT ON COLUMN likeness.hosts.min_interval IS 'Least time between two claims of its pictures.';

COMMENT ON COLUMN likeness.hosts.consecutive_faults IS 'Faults of the host since its last answer; the breaker opens at 5.';

COMMENT ON COLUMN likeness.hosts.blocked_until IS 'Not called before this: the breaker is open or it asked for a pause (Retry-After).';

COMMENT ON COLUMN likeness.hosts.blocked_reason IS 'Why it is blocked.';

COMMENT ON COLUMN likeness.hosts.ready_at IS 'When its next picture may be claimed; null while parked.';

COMMENT ON COLUMN likeness.hosts.parked_for IS 'Why no claim looks at it: empty (nothing waits) or limit (max_in_flight is reached).';

COMMENT ON COLUMN likeness.hosts.best_priority IS 'Best priority class among its waiting pictures.';

COMMENT ON COLUMN likeness.hosts.next_slot_at IS 'Last claim plus min_interval.';

COMMENT ON COLUMN likeness.hosts.fetches IS 'Answers so far.';

COMMENT ON COLUMN likeness.hosts.faults IS 'Faults of the host so far.';

COMMENT ON COLUMN likeness.hosts.bytes IS 'Bytes fetched so far.';

COMMENT ON COLUMN likeness.hosts.latency_ms IS 'Moving average of one fetch, in milliseconds.';

COMMENT ON COLUMN likeness.hosts.last_fault_at IS 'When it last failed.';

COMMENT ON COLUMN likeness.hosts.last_fetch_at IS 'When it last answered.';

COMMENT ON COLUMN likeness.hosts.created_at IS 'When it was first seen.';

COMMENT ON COLUMN likeness.hosts.next_request_at IS 'When the next request may be sent to it: take_slots() moves it on with each one.';

COMMENT ON COLUMN likeness.hosts.request_no IS 'Number of its last request, so that an answer is known to be that of the last.';

COMMENT ON COLUMN likeness.hosts.unheard_until IS 'Its last request was not answered yet; the next waits for the answer, and no longer than this.';

COMMENT ON COLUMN likeness.hosts.least_latency_ms IS 'About the quickest answer of late: from a request to the head of its answer, in milliseconds.';

COMMENT ON COLUMN likeness.hosts.limits_of IS 'Supplier whose limits it follows; null: they were set for this host.';

COMMENT ON COLUMN likeness.hosts.low_due_at IS 'Of what is due in best_priority nothing was queued before this. Kept by claim_images() and wake_hosts().';

COMMENT ON COLUMN likeness.hosts.low_due_id IS 'Nor, of what was queued just then, is anything of a lower id due.';

COMMENT ON COLUMN likeness.hosts.low_lease_at IS 'Of what is in hand no lease ends before this. Kept by claim_images().';

COMMENT ON COLUMN likeness.hosts.low_known_at IS 'When claim_images() last looked from the start. Half a minute later it does so again: nobody else needs to keep the two right.';

CREATE TABLE likeness.queue_control (
    is_only_row boolean DEFAULT true NOT NULL,
    is_paused boolean DEFAULT false NOT NULL,
    paused_at timestamp with time zone,
    reason text,
    ordered_at timestamp with time zone,
    CONSTRAINT only_a_paused_queue_has_a_reason CHECK ((is_paused OR (reason IS NULL))),
    CONSTRAINT paused_queue_says_since_when CHECK ((is_paused = (paused_at IS NOT NULL))),
    CONSTRAINT there_is_one_row CHECK (is_only_row)
);

COMMENT ON TABLE likeness.queue_control IS 'The switch of the whole queue, in one row: pause_queue(), resume_queue().';

COMMENT ON COLUMN likeness.queue_control.is_only_row IS 'Keeps it one row.';

COMMENT ON COLUMN likeness.queue_control.is_paused IS 'claim_images() hands out nothing.';

COMMENT ON COLUMN likeness.queue_control.paused_at IS 'Since when.';

COMMENT ON COLUMN likeness.queue_control.reason IS 'Why, in the words of who paused it.';

COMMENT ON COLUMN likeness.queue_control.ordered_at IS 'When an idle worker last ordered that the queue be worked: look_at_queue() lets one do so at a time.';

CREATE TABLE likeness.workers (
    id bigint NOT NULL,
    status text DEFAULT 'running'::text NOT NULL,
    name text NOT NULL,
    finished bigint DEFAULT 0 NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    stopped_at timestamp with time zone,
    version text DEFAULT ''::text NOT NULL,
    drain_asked_at timestamp with time zone,
    CONSTRAINT stopped_worker_says_when CHECK (((status = 'stopped'::text) = (stopped_at IS NOT NULL))),
    CONSTRAINT worker_has_a_name CHECK ((name <> ''::text)),
    CONSTRAINT worker_status_is_known CHECK ((status = ANY (ARRAY['running'::text, 'stopped'::text])))
);

COMMENT ON TABLE likeness.workers IS 'Worker processes, past and present; images.claimed_by is <name>/<id>.';

COMMENT ON COLUMN likeness.workers.id IS 'Key.';

COMMENT ON COLUMN likeness.workers.status IS 'running, or stopped in good order; a dead one stays running with an old seen_at.';

COMMENT ON COLUMN likeness.workers.name IS 'LIKENESS_WORKER_NAME.';

COMMENT ON COLUMN likeness.workers.finished IS 'Pictures finished, well or not, of minutes that are forgotten; worker_status adds the others.';

COMMENT ON COLUMN likeness.workers.started_at IS 'When it started.';

COMMENT ON COLUMN likeness.workers.seen_at IS 'Last heartbeat.';

COMMENT ON COLUMN likeness.workers.stopped_at IS 'When it stopped.';

COMMENT ON COLUMN likeness.workers.version IS 'Version of the program.';

COMMENT ON COLUMN likeness.workers.drain_asked_at IS 'Since when it shall claim nothing more: drain().';

CREATE TABLE likeness.placeholders (
    id bigint NOT NULL,
    verdict text NOT NULL,
    supplier_id bigint,
    products integer DEFAULT 0 NOT NULL,
    phash bigint,
    noticed_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone,
    decided_by text,
    sha256 text NOT NULL COLLATE pg_catalog."C",
    signature bytea,
    CONSTRAINT placeholder_sha256_is_64_hex_digits CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT placeholder_verdict_is_known CHECK ((verdict = ANY (ARRAY['placeholder'::text, 'picture'::text])))
);

COMMENT ON TABLE likeness.placeholders IS 'Pictures that stand in for none ("coming soon"), found by detect_placeholders() or named by a person, and pictures that a person said are none.';

COMMENT ON COLUMN likeness.placeholders.id IS 'Key.';

COMMENT ON COLUMN likeness.placeholders.verdict IS 'placeholder: never shown as a product''s photo; picture: somebody overruled the detector.';

COMMENT ON COLUMN likeness.placeholders.supplier_id IS 'Whose products it stands in for; null: everybody''s.';

COMMENT ON COLUMN likeness.placeholders.products IS 'Products that had it when it was found.';

COMMENT ON COLUMN likeness.placeholders.phash IS 'Its perceptual hash: near copies count as well.';

COMMENT ON COLUMN likeness.placeholders.noticed_at IS 'When it was found or named.';

COMMENT ON COLUMN likeness.placeholders.decided_at IS 'When a person decided; null: nobody has yet.';

COMMENT ON COLUMN likeness.placeholders.decided_by IS 'Who decided.';

COMMENT ON COLUMN likeness.placeholders.sha256 IS 'Its bytes. No foreign key: the memory outlives them; is_referenced() keeps those of placeholders.';

COMMENT ON COLUMN likeness.placeholders.signature IS 'Its 8 x 8 RGB signature.';

CREATE UNLOGGED TABLE likeness.permits (
    limit_name text NOT NULL,
    client text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    is_allowed boolean NOT NULL,
    taken timestamp with time zone[] NOT NULL
);

COMMENT ON TABLE likeness.permits IS 'What each client asked for lately, for the limits that hold over all API processes.';

COMMENT ON COLUMN likeness.permits.limit_name IS 'Which limit.';

COMMENT ON COLUMN likeness.permits.client IS 'IPv4 address or /64 network of IPv6.';

COMMENT ON COLUMN likeness.permits.expires_at IS 'From when on the row says nothing.';

COMMENT ON COLUMN likeness.permits.is_allowed IS 'Whether the latest request was let through.';

COMMENT ON COLUMN likeness.permits.taken IS 'When it was let through within the span of the limit, oldest first.';

CREATE TABLE likeness.supplier_credentials (
    supplier_id bigint NOT NULL,
    username text NOT NULL,
    hosts text[] NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    password text NOT NULL,
    CONSTRAINT credentials_have_a_host CHECK ((hosts <> '{}'::text[])),
    CONSTRAINT password_is_one_line CHECK ((password !~ '[[:cntrl:]]'::text)),
    CONSTRAINT username_is_one_line CHECK (((username <> ''::text) AND (username !~ '[[:cntrl:]]'::text)))
);

COMMENT ON TABLE likeness.supplier_credentials IS 'User name and password of a supplier''s servers, for FTP and for HTTP (Basic). Hidden from likeness_reader.';

COMMENT ON COLUMN likeness.supplier_credentials.supplier_id IS 'The supplier.';

COMMENT ON COLUMN likeness.supplier_credentials.username IS 'User name.';

COMMENT ON COLUMN likeness.supplier_credentials.hosts IS 'Exact hosts or .suffixes that they are sent to; a feed that names another host gets them sent nowhere.';

COMMENT ON COLUMN likeness.supplier_credentials.updated_at IS 'When they were last set.';

COMMENT ON COLUMN likeness.supplier_credentials.password IS 'Password, in clear, since the servers want it so.';

CREATE TABLE likeness.change_reviews (
    id bigint NOT NULL,
    decision text,
    image_id bigint NOT NULL,
    phash_distance smallint,
    max_difference smallint,
    mean_difference real,
    noticed_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone,
    decided_by text,
    old_sha256 text NOT NULL COLLATE pg_catalog."C",
    new_sha256 text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT change_decision_is_known CHECK ((decision = ANY (ARRAY['approved'::text, 'rejected'::text, 'superseded'::text]))),
    CONSTRAINT change_is_a_change CHECK ((new_sha256 <> old_sha256)),
    CONSTRAINT decided_change_says_when CHECK (((decision IS NULL) = (decided_at IS NULL))),
    CONSTRAINT phash_distance_is_of_64_bits CHECK (((phash_distance >= 0) AND (phash_distance <= 64)))
);

COMMENT ON TABLE likeness.change_reviews IS 'Big changes of pictures whose supplier is set to hold them: the old picture stays until somebody decides. Rejected bytes are remembered: their place does not take them again.';

COMMENT ON COLUMN likeness.change_reviews.id IS 'Key.';

COMMENT ON COLUMN likeness.change_reviews.decision IS 'Null: waits for a person; approved, rejected, or superseded by what the source gave later.';

COMMENT ON COLUMN likeness.change_reviews.image_id IS 'The place.';

COMMENT ON COLUMN likeness.change_reviews.phash_distance IS 'Bits of 64 in which the perceptual hashes differ.';

COMMENT ON COLUMN likeness.change_reviews.max_difference IS 'Largest difference of the 8 x 8 signatures, in steps of 255.';

COMMENT ON COLUMN likeness.change_reviews.mean_difference IS 'Mean difference of the 8 x 8 signatures, in steps of 255.';

COMMENT ON COLUMN likeness.change_reviews.noticed_at IS 'When the new bytes came.';

COMMENT ON COLUMN likeness.change_reviews.decided_at IS 'When it was decided.';

COMMENT ON COLUMN likeness.change_reviews.decided_by IS 'Who decided.';

COMMENT ON COLUMN likeness.change_reviews.old_sha256 IS 'What is shown. No foreign key: decisions outlive bytes.';

COMMENT ON COLUMN likeness.change_reviews.new_sha256 IS 'What came. No foreign key: decisions outlive bytes; while it waits, is_referenced() keeps them.';

CREATE TABLE likeness.image_history (
    id bigint NOT NULL,
    image_id bigint NOT NULL,
    product_id bigint,
    canonical_product_id bigint,
    "position" smallint NOT NULL,
    shown_at timestamp with time zone NOT NULL,
    cause text NOT NULL,
    blob_sha256 text COLLATE pg_catalog."C"
);

COMMENT ON TABLE likeness.image_history IS 'Which bytes a place showed from when on. Append-only; a row holds until the next one of its image.';

COMMENT ON COLUMN likeness.image_history.id IS 'Key.';

COMMENT ON COLUMN likeness.image_history.image_id IS 'The place; its row may be gone, so no foreign key.';

COMMENT ON COLUMN likeness.image_history.product_id IS 'Owner at that time.';

COMMENT ON COLUMN likeness.image_history.canonical_product_id IS 'Owner at that time.';

COMMENT ON COLUMN likeness.image_history."position" IS 'Position at that time.';

COMMENT ON COLUMN likeness.image_history.shown_at IS 'From when on.';

COMMENT ON COLUMN likeness.image_history.cause IS 'mirrored, removed, rolled back ...';

COMMENT ON COLUMN likeness.image_history.blob_sha256 IS 'The bytes; null: nothing.';

CREATE TABLE likeness.user_images (
    user_id text NOT NULL,
    sequence_no bigint NOT NULL,
    client_key text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    seed bigint,
    steps integer,
    url text NOT NULL,
    prompt text NOT NULL,
    model text NOT NULL,
    CONSTRAINT client_key_is_short CHECK (((char_length(client_key) >= 1) AND (char_length(client_key) <= 100))),
    CONSTRAINT model_is_short CHECK ((char_length(model) <= 200)),
    CONSTRAINT prompt_is_bounded CHECK ((char_length(prompt) <= 20000)),
    CONSTRAINT sequence_starts_at_one CHECK ((sequence_no > 0)),
    CONSTRAINT steps_are_counted CHECK (((steps >= 1) AND (steps <= 10000))),
    CONSTRAINT url_is_of_the_web CHECK (((url ~ '^https?://[^[:space:][:cntrl:]]+$'::text) AND (char_length(url) <= 4000))),
    CONSTRAINT user_id_is_short CHECK (((char_length(user_id) >= 1) AND (char_length(user_id) <= 200)))
);

ALTER TABLE ONLY likeness.user_images FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE likeness.user_images IS 'A picture that a user generated. Append-only; a session sees the rows of the user in its setting likeness.user_id alone.';

COMMENT ON COLUMN likeness.user_images.user_id IS 'Whose: the subject of the user''s token.';

COMMENT ON COLUMN likeness.user_images.sequence_no IS 'Counts a user''s pictures without gaps, in the order in which they became visible: a cursor that misses none.';

COMMENT ON COLUMN likeness.user_images.client_key IS 'The client''s own key of it, so that sending it again adds nothing.';

COMMENT ON COLUMN likeness.user_images.created_at IS 'When it was added.';

COMMENT ON COLUMN likeness.user_images.seed IS 'Seed of the generator.';

COMMENT ON COLUMN likeness.user_images.steps IS 'Steps of the generator.';

COMMENT ON COLUMN likeness.user_images.url IS 'Where the picture is.';

COMMENT ON COLUMN likeness.user_images.prompt IS 'What was asked for.';

COMMENT ON COLUMN likeness.user_images.model IS 'Which generator.';

CREATE TABLE likeness.match_queue (
    id bigint NOT NULL,
    status text DEFAULT 'waiting'::text NOT NULL,
    product_id bigint NOT NULL,
    canonical_product_id bigint,
    confidence real NOT NULL,
    reason text NOT NULL,
    queued_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    decided_at timestamp with time zone,
    decided_by text,
    candidates jsonb NOT NULL,
    CONSTRAINT candidates_are_a_list CHECK ((jsonb_typeof(candidates) = 'array'::text)),
    CONSTRAINT decided_item_says_by_whom CHECK (((decided_at IS NULL) = (decided_by IS NULL))),
    CONSTRAINT queue_confidence_is_a_probability CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision))),
    CONSTRAINT queue_item_status_is_known CHECK ((status = ANY (ARRAY['waiting'::text, 'accepted'::text, 'rejected'::text, 'created'::text, 'closed'::text]))),
    CONSTRAINT waiting_item_is_undecided CHECK (((status = 'waiting'::text) = (decided_at IS NULL)))
);

COMMENT ON TABLE likeness.match_queue IS 'A product that waits for a person, with its best candidates; decided items stay.';

COMMENT ON COLUMN likeness.match_queue.id IS 'Key.';

COMMENT ON COLUMN likeness.match_queue.status IS 'waiting; accepted, rejected or created by a person; closed: matching found a better answer, or the product went.';

COMMENT ON COLUMN likeness.match_queue.product_id IS 'The product.';

COMMENT ON COLUMN likeness.match_queue.canonical_product_id IS 'While waiting its best candidate; afterwards what was decided.';

COMMENT ON COLUMN likeness.match_queue.confidence IS 'Of the best candidate; 0: there is none.';

COMMENT ON COLUMN likeness.match_queue.reason IS 'Why it was not linked by itself, as a sentence.';

COMMENT ON COLUMN likeness.match_queue.queued_at IS 'Since when it waits.';

COMMENT ON COLUMN likeness.match_queue.updated_at IS 'When its candidates were last looked for, or it was decided.';

COMMENT ON COLUMN likeness.match_queue.decided_at IS 'When it was decided.';

COMMENT ON COLUMN likeness.match_queue.decided_by IS 'Who decided.';

COMMENT ON COLUMN likeness.match_queue.candidates IS 'List of {canonical_product_id, confidence, method, evidence}, best first.';

CREATE TABLE likeness.match_words (
    word text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL,
    means text,
    factor double precision,
    CONSTRAINT factor_is_positive CHECK ((factor > (0)::double precision)),
    CONSTRAINT synonym_says_of_what CHECK (((kind <> 'synonym'::text) OR (means IS NOT NULL))),
    CONSTRAINT unit_has_base_and_factor CHECK ((((kind = 'unit'::text) = (factor IS NOT NULL)) AND ((kind <> 'unit'::text) OR (means IS NOT NULL)))),
    CONSTRAINT word_is_lower_case_and_plain CHECK (((word = lower(word)) AND (word ~ '^\S+$'::text))),
    CONSTRAINT word_kind_is_known CHECK ((kind = ANY (ARRAY['stop'::text, 'variant'::text, 'detail'::text, 'colour'::text, 'unit'::text, 'synonym'::text])))
);

COMMENT ON TABLE likeness.match_words IS 'Words that mean something to matching by name. A catalogue team edits it, then calls rebuild_match_index().';

COMMENT ON COLUMN likeness.match_words.word IS 'As it stands in a name: lower case, without accents, a plural s taken off.';

COMMENT ON COLUMN likeness.match_words.kind IS 'stop: says nothing. variant: changes what is sold (refill, mini, decaf): on one side only, a person decides. detail: says how it is, and may be left out (wireless, portable). colour. unit: follows a number. synonym: another spelling.';

COMMENT ON COLUMN likeness.match_words.means IS 'The word that stands for it (black for noir); of a unit the one that it is counted in (ml for litre).';

COMMENT ON COLUMN likeness.match_words.factor IS 'Of a unit: how many of the one that it is counted in.';

CREATE TABLE likeness.match_rejections (
    product_id bigint NOT NULL,
    canonical_product_id bigint NOT NULL,
    log_id bigint NOT NULL
);

COMMENT ON TABLE likeness.match_rejections IS 'Pairs that a person said are not the same thing: never linked by themselves and never proposed again.';

COMMENT ON COLUMN likeness.match_rejections.product_id IS 'The product.';

COMMENT ON COLUMN likeness.match_rejections.canonical_product_id IS 'What it is not.';

COMMENT ON COLUMN likeness.match_rejections.log_id IS 'The decision.';

CREATE TABLE likeness.supplier_rates (
    supplier_id bigint NOT NULL,
    shape real NOT NULL,
    days real NOT NULL,
    images integer DEFAULT 0 NOT NULL,
    mate_checks real DEFAULT 0 NOT NULL,
    mate_changes real DEFAULT 0 NOT NULL,
    row_checks real DEFAULT 0 NOT NULL,
    row_changes real DEFAULT 0 NOT NULL,
    news_hits real DEFAULT 0 NOT NULL,
    news_misses real DEFAULT 0 NOT NULL,
    news_days real,
    news_at timestamp with time zone,
    fitted_at timestamp with time zone,
    CONSTRAINT supplier_days_are_positive CHECK ((days > (0)::double precision)),
    CONSTRAINT supplier_shape_is_positive CHECK ((shape > (0)::double precision))
);

COMMENT ON TABLE likeness.supplier_rates IS 'How the change rates of a supplier''s pictures are distributed: a gamma distribution with the mean shape/days changes a day, fitted daily by plan_checks().';

COMMENT ON COLUMN likeness.supplier_rates.supplier_id IS 'The supplier.';

COMMENT ON COLUMN likeness.supplier_rates.shape IS 'Shape: the smaller, the more its pictures differ from each other.';

COMMENT ON COLUMN likeness.supplier_rates.days IS 'Rate parameter in days.';

COMMENT ON COLUMN likeness.supplier_rates.images IS 'Pictures that it was fitted to.';

COMMENT ON COLUMN likeness.supplier_rates.mate_checks IS 'Looks at pictures because another one of their product had changed.';

COMMENT ON COLUMN likeness.supplier_rates.mate_changes IS 'Of these, those that had changed too.';

COMMENT ON COLUMN likeness.supplier_rates.row_checks IS 'Looks at pictures because a product imported beside theirs had changed.';

COMMENT ON COLUMN likeness.supplier_rates.row_changes IS 'Of these, those that had changed too.';

COMMENT ON COLUMN likeness.supplier_rates.news_hits IS 'Changes that its feed told of (media_changed_at) before a look found them.';

COMMENT ON COLUMN likeness.supplier_rates.news_misses IS 'Changes that a look found after a feed had been silent about them; fractions where nobody knows whether they were before the feed.';

COMMENT ON COLUMN likeness.supplier_rates.news_days IS 'Days between its feeds, lately.';

COMMENT ON COLUMN likeness.supplier_rates.news_at IS 'When a feed last told of nearly all its products when their pictures changed: a look at all of them for nothing, as far as it hits.';

COMMENT ON COLUMN likeness.supplier_rates.fitted_at IS 'When it was last fitted; null: not yet.';

CREATE TABLE likeness.failure_reasons (
    code text NOT NULL,
    is_permanent boolean NOT NULL,
    meaning text NOT NULL,
    hint text NOT NULL
);

COMMENT ON TABLE likeness.failure_reasons IS 'Why a picture can fail, in words.';

COMMENT ON COLUMN likeness.failure_reasons.code IS 'Code kept in images.failure_reason.';

COMMENT ON COLUMN likeness.failure_reasons.is_permanent IS 'Fails at once; otherwise it is tried again first.';

COMMENT ON COLUMN likeness.failure_reasons.meaning IS 'What happened.';

COMMENT ON COLUMN likeness.failure_reasons.hint IS 'What a person can do about it.';

CREATE TABLE likeness.periodic_tasks (
    task text NOT NULL,
    cron text NOT NULL,
    next_run_at timestamp with time zone NOT NULL,
    resume_from jsonb,
    registered_at timestamp with time zone NOT NULL,
    says text NOT NULL,
    CONSTRAINT periodic_task_has_a_name CHECK ((task <> ''::text))
);

COMMENT ON TABLE likeness.periodic_tasks IS 'What workers do again and again: one row a task. A worker that starts writes what it knows.';

COMMENT ON COLUMN likeness.periodic_tasks.task IS 'Name of the task.';

COMMENT ON COLUMN likeness.periodic_tasks.cron IS 'When it is due, as cron says it, in UTC.';

COMMENT ON COLUMN likeness.periodic_tasks.next_run_at IS 'When it is due next.';

COMMENT ON COLUMN likeness.periodic_tasks.resume_from IS 'Where the next run goes on: what the last one left, in the words of the task; null: from the beginning.';

COMMENT ON COLUMN likeness.periodic_tasks.registered_at IS 'When a worker last said that it would do this.';

COMMENT ON COLUMN likeness.periodic_tasks.says IS 'What it does.';

CREATE TABLE likeness.match_log (
    id bigint NOT NULL,
    action text NOT NULL,
    product_id bigint,
    canonical_product_id bigint,
    was_canonical_product_id bigint,
    method text,
    confidence real,
    decided_by text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    is_automatic boolean NOT NULL,
    queue_item_id bigint,
    undoes_id bigint,
    reason text DEFAULT ''::text NOT NULL,
    evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT decision_is_about_a_product CHECK (((action = ANY (ARRAY['merged'::text, 'undone'::text])) OR (product_id IS NOT NULL))),
    CONSTRAINT decision_names_somebody CHECK ((decided_by <> ''::text)),
    CONSTRAINT match_action_is_known CHECK ((action = ANY (ARRAY['linked'::text, 'accepted'::text, 'created'::text, 'rejected'::text, 'unlinked'::text, 'merged'::text, 'undone'::text]))),
    CONSTRAINT match_method_is_known CHECK ((method = ANY (ARRAY['barcode'::text, 'name'::text, 'new'::text, 'person'::text]))),
    CONSTRAINT undone_names_what CHECK (((action = 'undone'::text) = (undoes_id IS NOT NULL)))
);

COMMENT ON TABLE likeness.match_log IS 'Every decision about what is the same thing, with its evidence. Append-only: an undo is a row of its own.';

COMMENT ON COLUMN likeness.match_log.id IS 'Key; what undo_match() takes.';

COMMENT ON COLUMN likeness.match_log.action IS 'linked (by itself), accepted, created, rejected, unlinked, merged (two canonical products) or undone.';

COMMENT ON COLUMN likeness.match_log.product_id IS 'The product; its row may be gone, so no foreign key.';

COMMENT ON COLUMN likeness.match_log.canonical_product_id IS 'What it was linked to, or what was rejected; of a merge the one that stayed.';

COMMENT ON COLUMN likeness.match_log.was_canonical_product_id IS 'What it was linked to before; of a merge the one that went.';

COMMENT ON COLUMN likeness.match_log.method IS 'barcode, name, new (it became a canonical product itself) or person.';

COMMENT ON COLUMN likeness.match_log.confidence IS 'Confidence at that time.';

COMMENT ON COLUMN likeness.match_log.decided_by IS 'Who decided.';

COMMENT ON COLUMN likeness.match_log.decided_at IS 'When.';

COMMENT ON COLUMN likeness.match_log.is_automatic IS 'No person looked at it.';

COMMENT ON COLUMN likeness.match_log.queue_item_id IS 'The item of match_queue that it decided.';

COMMENT ON COLUMN likeness.match_log.undoes_id IS 'The decision that this one takes back; one can be taken back once.';

COMMENT ON COLUMN likeness.match_log.reason IS 'Why, as a sentence.';

COMMENT ON COLUMN likeness.match_log.evidence IS 'What spoke for it; of a merge all that it moved, so that it can be undone.';

CREATE TABLE likeness.alert_rules (
    rule text NOT NULL,
    is_enabled boolean DEFAULT true NOT NULL,
    threshold double precision NOT NULL,
    lasting interval DEFAULT '00:00:00'::interval NOT NULL,
    unit text NOT NULL,
    says text NOT NULL,
    hint text NOT NULL,
    CONSTRAINT lasting_is_not_negative CHECK ((lasting >= '00:00:00'::interval))
);

COMMENT ON TABLE likeness.alert_rules IS 'When a measure of alert_measures is an alert: set_alert() changes it.';

COMMENT ON COLUMN likeness.alert_rules.rule IS 'The measure.';

COMMENT ON COLUMN likeness.alert_rules.is_enabled IS 'Off: it never opens.';

COMMENT ON COLUMN likeness.alert_rules.threshold IS 'More than this is too much.';

COMMENT ON COLUMN likeness.alert_rules.lasting IS 'For so long without a break.';

COMMENT ON COLUMN likeness.alert_rules.unit IS 'What the measure counts.';

COMMENT ON COLUMN likeness.alert_rules.says IS 'What it means.';

COMMENT ON COLUMN likeness.alert_rules.hint IS 'What to do.';

CREATE TABLE likeness.rendition_queue (
    sha256 text NOT NULL COLLATE pg_catalog."C",
    status text DEFAULT 'waiting'::text NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    ready_at timestamp with time zone NOT NULL,
    queued_at timestamp with time zone DEFAULT now() NOT NULL,
    claimed_by text,
    failure_reason text,
    failure_text text,
    CONSTRAINT failed_rendition_has_reason CHECK (((status = 'failed'::text) <= (failure_reason IS NOT NULL))),
    CONSTRAINT failed_rendition_is_not_claimed CHECK (((status = 'waiting'::text) OR (claimed_by IS NULL))),
    CONSTRAINT rendition_attempts_are_counted_up CHECK ((attempts >= 0)),
    CONSTRAINT rendition_status_is_known CHECK ((status = ANY (ARRAY['waiting'::text, 'failed'::text])))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000');

COMMENT ON TABLE likeness.rendition_queue IS 'Bytes of which further renditions may have to be made. A row goes when that is done; workers turn to it when no picture waits.';

COMMENT ON COLUMN likeness.rendition_queue.sha256 IS 'The bytes.';

COMMENT ON COLUMN likeness.rendition_queue.status IS 'waiting (also while a worker has it), or failed for good.';

COMMENT ON COLUMN likeness.rendition_queue.attempts IS 'Claims so far, less those that were handed back.';

COMMENT ON COLUMN likeness.rendition_queue.ready_at IS 'When it may be claimed: at once, after a fault later, while claimed when the claim runs out.';

COMMENT ON COLUMN likeness.rendition_queue.queued_at IS 'Since when it is wanted.';

COMMENT ON COLUMN likeness.rendition_queue.claimed_by IS 'Worker that has it in hand.';

COMMENT ON COLUMN likeness.rendition_queue.failure_reason IS 'Why the last attempt failed.';

COMMENT ON COLUMN likeness.rendition_queue.failure_text IS 'The same in words.';

CREATE TABLE likeness.alert_events (
    id bigint NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    rule text NOT NULL,
    subject text NOT NULL,
    value double precision NOT NULL,
    worst double precision NOT NULL,
    threshold double precision NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT alert_status_is_known CHECK ((status = ANY (ARRAY['open'::text, 'closed'::text]))),
    CONSTRAINT closed_alert_says_when CHECK (((status = 'closed'::text) = (closed_at IS NOT NULL)))
);

COMMENT ON TABLE likeness.alert_events IS 'Alerts that opened, and closed again.';

COMMENT ON COLUMN likeness.alert_events.id IS 'Key.';

COMMENT ON COLUMN likeness.alert_events.status IS 'open or closed.';

COMMENT ON COLUMN likeness.alert_events.rule IS 'The measure.';

COMMENT ON COLUMN likeness.alert_events.subject IS 'What of: a host, a task; empty: the whole system.';

COMMENT ON COLUMN likeness.alert_events.value IS 'What it was last.';

COMMENT ON COLUMN likeness.alert_events.worst IS 'What it was at its worst.';

COMMENT ON COLUMN likeness.alert_events.threshold IS 'What was too much when it opened.';

COMMENT ON COLUMN likeness.alert_events.opened_at IS 'When it opened.';

COMMENT ON COLUMN likeness.alert_events.closed_at IS 'When it closed.';

ALTER TABLE likeness.alert_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.alert_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE likeness.image_freshness (
    image_id bigint NOT NULL,
    next_check_at timestamp with time zone,
    checks integer DEFAULT 0 NOT NULL,
    changes integer DEFAULT 0 NOT NULL,
    failed_checks smallint DEFAULT 0 NOT NULL,
    shape real DEFAULT 0 NOT NULL,
    quiet_days real DEFAULT 0 NOT NULL,
    checked_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone,
    viewed_at timestamp with time zone,
    suspicion real DEFAULT 0 NOT NULL,
    suspected_with text,
    failure_text text,
    CONSTRAINT failed_checks_are_counted_up CHECK ((failed_checks >= 0)),
    CONSTRAINT quiet_days_are_not_negative CHECK ((quiet_days >= (0)::double precision)),
    CONSTRAINT shape_is_not_negative CHECK ((shape >= (0)::double precision)),
    CONSTRAINT suspected_with_is_known CHECK ((suspected_with = ANY (ARRAY['product'::text, 'row'::text]))),
    CONSTRAINT suspicion_is_a_probability CHECK (((suspicion >= (0)::double precision) AND (suspicion <= (1)::double precision))),
    CONSTRAINT suspicion_says_with_whom CHECK (((suspicion > (0)::double precision) = (suspected_with IS NOT NULL)))
)
WITH (fillfactor='70');

COMMENT ON TABLE likeness.image_freshness IS 'What is known of how often the source of a picture changes, and when it is looked at next. A row for each picture that was ever completed.';

COMMENT ON COLUMN likeness.image_freshness.image_id IS 'The picture.';

COMMENT ON COLUMN likeness.image_freshness.next_check_at IS 'When its source should be looked at next; null: not planned yet.';

COMMENT ON COLUMN likeness.image_freshness.checks IS 'Looks at its source that were answered, since it was first completed.';

COMMENT ON COLUMN likeness.image_freshness.changes IS 'Looks that found other bytes.';

COMMENT ON COLUMN likeness.image_freshness.failed_checks IS 'Checks without an answer since the last answer.';

COMMENT ON COLUMN likeness.image_freshness.shape IS 'Evidence of changes: what its looks add to the shape of the supplier''s gamma distribution of rates. Fractions come from changes that may have been several.';

COMMENT ON COLUMN likeness.image_freshness.quiet_days IS 'Evidence of quiet: days that its looks add to the same distribution.';

COMMENT ON COLUMN likeness.image_freshness.checked_at IS 'When its source last answered.';

COMMENT ON COLUMN likeness.image_freshness.seen_at IS 'When its bytes were last fetched, which no validator can feign.';

COMMENT ON COLUMN likeness.image_freshness.changed_at IS 'When a look last found other bytes.';

COMMENT ON COLUMN likeness.image_freshness.viewed_at IS 'When somebody was last shown it, to the hour.';

COMMENT ON COLUMN likeness.image_freshness.suspicion IS 'How probable a change is because a neighbour was found changed; 0 after the next look.';

COMMENT ON COLUMN likeness.image_freshness.suspected_with IS 'The neighbour: product (another picture of the product) or row (one of a product imported beside it).';

COMMENT ON COLUMN likeness.image_freshness.failure_text IS 'Why the last check had no answer.';

CREATE TABLE likeness.periodic_runs (
    id bigint NOT NULL,
    status text DEFAULT 'running'::text NOT NULL,
    task text NOT NULL,
    worker text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    counts jsonb DEFAULT '{}'::jsonb NOT NULL,
    error text,
    CONSTRAINT counts_are_an_object CHECK ((jsonb_typeof(counts) = 'object'::text)),
    CONSTRAINT failed_run_says_why CHECK (((status = 'failed'::text) = (error IS NOT NULL))),
    CONSTRAINT periodic_status_is_known CHECK ((status = ANY (ARRAY['running'::text, 'finished'::text, 'partial'::text, 'failed'::text, 'lost'::text]))),
    CONSTRAINT running_has_not_ended CHECK (((status = 'running'::text) = (finished_at IS NULL)))
);

COMMENT ON TABLE likeness.periodic_runs IS 'Each run of a periodic task, and what came of it. Old ones are forgotten by prune_history().';

COMMENT ON COLUMN likeness.periodic_runs.id IS 'Key.';

COMMENT ON COLUMN likeness.periodic_runs.status IS 'running, finished, partial (its time was over; the next goes on), failed, or lost (its process died).';

COMMENT ON COLUMN likeness.periodic_runs.task IS 'The task.';

COMMENT ON COLUMN likeness.periodic_runs.worker IS 'Who did it.';

COMMENT ON COLUMN likeness.periodic_runs.started_at IS 'When it began.';

COMMENT ON COLUMN likeness.periodic_runs.finished_at IS 'When it ended; of a lost one, when that was noticed.';

COMMENT ON COLUMN likeness.periodic_runs.counts IS 'What it did, by name.';

COMMENT ON COLUMN likeness.periodic_runs.error IS 'Why it failed.';

CREATE TABLE likeness.storage_usage (
    is_only_row boolean DEFAULT true NOT NULL,
    bytes bigint DEFAULT 0 NOT NULL,
    blobs bigint DEFAULT 0 NOT NULL,
    quota_bytes bigint,
    garbage_grace interval DEFAULT '30 days'::interval NOT NULL,
    measured_at timestamp with time zone,
    CONSTRAINT quota_is_positive CHECK ((quota_bytes > 0)),
    CONSTRAINT there_is_one_usage CHECK (is_only_row)
);

COMMENT ON TABLE likeness.storage_usage IS 'What the object store held when it was last counted, and the settings that alerts compare with, as the workers have them.';

COMMENT ON COLUMN likeness.storage_usage.is_only_row IS 'Keeps it one row.';

COMMENT ON COLUMN likeness.storage_usage.bytes IS 'Bytes of all originals and renditions that the database knows.';

COMMENT ON COLUMN likeness.storage_usage.blobs IS 'How many originals.';

COMMENT ON COLUMN likeness.storage_usage.quota_bytes IS 'LIKENESS_STORAGE_QUOTA_BYTES; null: no quota.';

COMMENT ON COLUMN likeness.storage_usage.garbage_grace IS 'LIKENESS_GARBAGE_GRACE_DAYS.';

COMMENT ON COLUMN likeness.storage_usage.measured_at IS 'When it was counted.';

CREATE TABLE likeness.worker_minutes (
    minute_at timestamp with time zone NOT NULL,
    worker text NOT NULL,
    stored integer DEFAULT 0 NOT NULL,
    reused integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    retried integer DEFAULT 0 NOT NULL,
    bytes bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE likeness.worker_minutes IS 'What each worker did in each minute. A row a worker: no two of them wait for each other to count.';

COMMENT ON COLUMN likeness.worker_minutes.minute_at IS 'The beginning of the minute.';

COMMENT ON COLUMN likeness.worker_minutes.worker IS 'The worker, as in images.claimed_by.';

COMMENT ON COLUMN likeness.worker_minutes.stored IS 'Pictures completed with bytes that were new.';

COMMENT ON COLUMN likeness.worker_minutes.reused IS 'Pictures completed with bytes that were known already.';

COMMENT ON COLUMN likeness.worker_minutes.failed IS 'Pictures failed for good.';

COMMENT ON COLUMN likeness.worker_minutes.retried IS 'Pictures that failed and will be tried again.';

COMMENT ON COLUMN likeness.worker_minutes.bytes IS 'Bytes fetched.';

CREATE TABLE likeness.alert_watch (
    rule text NOT NULL,
    subject text NOT NULL,
    over_since_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE likeness.alert_watch IS 'What was too much when watch_alerts() last looked.';

COMMENT ON COLUMN likeness.alert_watch.rule IS 'The measure.';

COMMENT ON COLUMN likeness.alert_watch.subject IS 'What of: a host, a task; empty: the whole system.';

COMMENT ON COLUMN likeness.alert_watch.over_since_at IS 'Since when without a break.';

ALTER TABLE likeness.canonical_products ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.canonical_products_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE likeness.change_reviews ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.change_reviews_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE likeness.check_hours (
    hour_at timestamp with time zone NOT NULL,
    worker text NOT NULL,
    checks integer DEFAULT 0 NOT NULL,
    requests integer DEFAULT 0 NOT NULL,
    unmodified integer DEFAULT 0 NOT NULL,
    same integer DEFAULT 0 NOT NULL,
    changed integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    bytes bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE likeness.check_hours IS 'What the checks of each hour cost and found. A row a worker: no two of them wait for each other to count.';

COMMENT ON COLUMN likeness.check_hours.hour_at IS 'The beginning of the hour.';

COMMENT ON COLUMN likeness.check_hours.worker IS 'The worker, as in images.claimed_by.';

COMMENT ON COLUMN likeness.check_hours.checks IS 'Checks that ended.';

COMMENT ON COLUMN likeness.check_hours.requests IS 'Requests that they took: an audit takes two.';

COMMENT ON COLUMN likeness.check_hours.unmodified IS 'The source said that nothing had changed.';

COMMENT ON COLUMN likeness.check_hours.same IS 'Bytes came, and were the same.';

COMMENT ON COLUMN likeness.check_hours.changed IS 'Other bytes came.';

COMMENT ON COLUMN likeness.check_hours.failed IS 'No usable answer came.';

COMMENT ON COLUMN likeness.check_hours.bytes IS 'Bytes fetched.';

CREATE TABLE likeness.match_index_state (
    is_current boolean DEFAULT true NOT NULL,
    names integer NOT NULL,
    reading bigint,
    rebuilt_at timestamp with time zone,
    CONSTRAINT one_index_only CHECK (is_current)
);

COMMENT ON TABLE likeness.match_index_state IS 'How large the catalogue was when its posting lists were last folded or rebuilt: one row.';

COMMENT ON COLUMN likeness.match_index_state.is_current IS 'Always true: there is one row.';

COMMENT ON COLUMN likeness.match_index_state.names IS 'Canonical products in match_tokens.';

COMMENT ON COLUMN likeness.match_index_state.reading IS 'How names were read for it, as match_reading() told then.';

COMMENT ON COLUMN likeness.match_index_state.rebuilt_at IS 'When rebuild_match_index() last ran.';

CREATE TABLE likeness.match_names (
    canonical_product_id bigint NOT NULL,
    main_tokens smallint NOT NULL,
    price real,
    source_hash bigint NOT NULL,
    name_key text NOT NULL,
    tokens text[] NOT NULL,
    kinds text[] NOT NULL,
    brand_tokens text[] NOT NULL,
    CONSTRAINT each_token_has_a_kind CHECK ((cardinality(kinds) = cardinality(tokens)))
);

COMMENT ON TABLE likeness.match_names IS 'The name of each canonical product, read into tokens once, so that a comparison reads one row.';

COMMENT ON COLUMN likeness.match_names.canonical_product_id IS 'Whose name.';

COMMENT ON COLUMN likeness.match_names.main_tokens IS 'How many of its tokens are the words of the name in their order; aids follow them.';

COMMENT ON COLUMN likeness.match_names.price IS 'Its usual price, where known.';

COMMENT ON COLUMN likeness.match_names.source_hash IS 'Of the texts that it was read from: tells what has changed since.';

COMMENT ON COLUMN likeness.match_names.name_key IS 'The words of the name, joined again: equal for names that differ in nothing that counts.';

COMMENT ON COLUMN likeness.match_names.tokens IS 'See tokenize_product().';

COMMENT ON COLUMN likeness.match_names.kinds IS 'One letter for each token; see tokenize_product().';

COMMENT ON COLUMN likeness.match_names.brand_tokens IS 'The words of the brand, where the brand is given.';

CREATE TABLE likeness.check_plan (
    is_only_row boolean DEFAULT true NOT NULL,
    price real DEFAULT 1 NOT NULL,
    requests_a_day integer DEFAULT 0 NOT NULL,
    bytes_a_day bigint DEFAULT 0 NOT NULL,
    request_tokens real DEFAULT 0 NOT NULL,
    byte_tokens double precision DEFAULT 0 NOT NULL,
    images integer DEFAULT 0 NOT NULL,
    planned_to bigint DEFAULT 0 NOT NULL,
    planned_at timestamp with time zone,
    paced_at timestamp with time zone,
    CONSTRAINT price_is_positive CHECK ((price > (0)::double precision)),
    CONSTRAINT there_is_one_plan CHECK (is_only_row)
);

COMMENT ON TABLE likeness.check_plan IS 'The plan of the freshness checks, in one row: what a check must be worth, and what may be spent now.';

COMMENT ON COLUMN likeness.check_plan.is_only_row IS 'Keeps it one row.';

COMMENT ON COLUMN likeness.check_plan.price IS 'What a check must be worth (check_value(), in days) to be made; the plan sets it so that the budget is spent.';

COMMENT ON COLUMN likeness.check_plan.requests_a_day IS 'Budget of requests a day.';

COMMENT ON COLUMN likeness.check_plan.bytes_a_day IS 'Budget of bytes a day.';

COMMENT ON COLUMN likeness.check_plan.request_tokens IS 'Requests that may be spent now; grows evenly through the day up to the sum of two hours.';

COMMENT ON COLUMN likeness.check_plan.byte_tokens IS 'Bytes that may be spent now, likewise.';

COMMENT ON COLUMN likeness.check_plan.images IS 'Pictures that the plan is for.';

COMMENT ON COLUMN likeness.check_plan.planned_to IS 'The last picture whose time the running plan has set; 0: it is done.';

COMMENT ON COLUMN likeness.check_plan.planned_at IS 'When the plan was last begun.';

COMMENT ON COLUMN likeness.check_plan.paced_at IS 'When the tokens last grew.';

ALTER TABLE likeness.datasets ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.datasets_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE likeness.host_validators (
    host_id bigint NOT NULL,
    trust text DEFAULT 'untested'::text NOT NULL,
    checks bigint DEFAULT 0 NOT NULL,
    unmodified bigint DEFAULT 0 NOT NULL,
    proofs bigint DEFAULT 0 NOT NULL,
    audits bigint DEFAULT 0 NOT NULL,
    lies bigint DEFAULT 0 NOT NULL,
    noises bigint DEFAULT 0 NOT NULL,
    proofs_since_lie integer DEFAULT 0 NOT NULL,
    last_lie_at timestamp with time zone,
    revised_at timestamp with time zone,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT trust_is_known CHECK ((trust = ANY (ARRAY['untested'::text, 'honest'::text, 'noisy'::text, 'lying'::text])))
)
WITH (fillfactor='50');

COMMENT ON TABLE likeness.host_validators IS 'What the validators of a host (ETag, Last-Modified; size and time of FTP) are worth, as its answers showed.';

COMMENT ON COLUMN likeness.host_validators.host_id IS 'The host.';

COMMENT ON COLUMN likeness.host_validators.trust IS 'untested, honest (it told of changes), noisy (validators change though the bytes do not) or lying (bytes change though the validators do not: asked without them).';

COMMENT ON COLUMN likeness.host_validators.checks IS 'Looks at pictures that were known already.';

COMMENT ON COLUMN likeness.host_validators.unmodified IS 'Of these, answered by "not modified".';

COMMENT ON COLUMN likeness.host_validators.proofs IS 'Changes that the validators told of.';

COMMENT ON COLUMN likeness.host_validators.audits IS 'Times that bytes were fetched to see what the validators are worth: without them, or after "not modified".';

COMMENT ON COLUMN likeness.host_validators.lies IS 'Changes that the validators hid.';

COMMENT ON COLUMN likeness.host_validators.noises IS 'Looks that brought the same bytes under other validators.';

COMMENT ON COLUMN likeness.host_validators.proofs_since_lie IS 'Changes since the last lie that came with other validators: five make it untested again.';

COMMENT ON COLUMN likeness.host_validators.last_lie_at IS 'When the last lie was found.';

COMMENT ON COLUMN likeness.host_validators.revised_at IS 'When the pictures that were believed because of lies were last made due: revise_checks().';

COMMENT ON COLUMN likeness.host_validators.updated_at IS 'When this row last changed.';

ALTER TABLE likeness.hosts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.hosts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE likeness.image_history ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.image_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE likeness.image_moves (
    from_status text NOT NULL,
    to_status text NOT NULL,
    cause text NOT NULL
);

COMMENT ON TABLE likeness.image_moves IS 'The moves of images.status that are allowed; a trigger refuses all others.';

COMMENT ON COLUMN likeness.image_moves.from_status IS 'Status before.';

COMMENT ON COLUMN likeness.image_moves.to_status IS 'Status after.';

COMMENT ON COLUMN likeness.image_moves.cause IS 'What makes the move.';

ALTER TABLE likeness.images ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.images_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE likeness.match_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.match_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE likeness.match_queue ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.match_queue_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE likeness.match_recent_tokens (
    token text NOT NULL COLLATE pg_catalog."C",
    canonical_product_id bigint NOT NULL
);

COMMENT ON TABLE likeness.match_recent_tokens IS 'What was added to the posting lists since they were last folded: one small row each, so that an addition is cheap and found at once.';

COMMENT ON COLUMN likeness.match_recent_tokens.token IS 'As in match_tokens.';

COMMENT ON COLUMN likeness.match_recent_tokens.canonical_product_id IS 'Who has it.';

CREATE TABLE likeness.match_rules (
    is_only_row boolean DEFAULT true NOT NULL,
    link_from real DEFAULT 0.85 NOT NULL,
    suggest_from real DEFAULT 0.70 NOT NULL,
    CONSTRAINT link_from_is_a_probability CHECK (((link_from >= (0)::double precision) AND (link_from <= (1)::double precision))),
    CONSTRAINT suggestions_are_below_links CHECK (((suggest_from >= (0)::double precision) AND (suggest_from <= link_from))),
    CONSTRAINT there_is_one_rule CHECK (is_only_row)
);

COMMENT ON TABLE likeness.match_rules IS 'From which confidence on a match links by itself or is suggested, in one row.';

COMMENT ON COLUMN likeness.match_rules.is_only_row IS 'Keeps it one row.';

COMMENT ON COLUMN likeness.match_rules.link_from IS 'Links by itself from here on.';

COMMENT ON COLUMN likeness.match_rules.suggest_from IS 'Is suggested from here on; below, suppliers.low_matches says what happens.';

CREATE TABLE likeness.match_tokens (
    token text NOT NULL COLLATE pg_catalog."C",
    names integer NOT NULL,
    canonical_product_ids bigint[]
);

COMMENT ON TABLE likeness.match_tokens IS 'Posting lists: which canonical products have a token in their name.';

COMMENT ON COLUMN likeness.match_tokens.token IS 'A token, "=" and a whole name, or "+" and two neighbours that are both common.';

COMMENT ON COLUMN likeness.match_tokens.names IS 'How many canonical products have it.';

COMMENT ON COLUMN likeness.match_tokens.canonical_product_ids IS 'Which; null when there are too many to be of use. May name some that were renamed or deleted since.';

CREATE TABLE likeness.match_weights (
    name text NOT NULL,
    place smallint,
    weight double precision NOT NULL,
    meaning text NOT NULL,
    CONSTRAINT place_counts_from_one CHECK ((place > 0))
);

COMMENT ON TABLE likeness.match_weights IS 'The constants of matching by name, all of them.';

COMMENT ON COLUMN likeness.match_weights.name IS 'Which constant.';

COMMENT ON COLUMN likeness.match_weights.place IS 'Of a feature: its place in the array that compare_names() returns.';

COMMENT ON COLUMN likeness.match_weights.weight IS 'What it adds to the log-odds of a match, or the constant itself.';

COMMENT ON COLUMN likeness.match_weights.meaning IS 'What it is about, and for a constant where it comes from.';

ALTER TABLE likeness.periodic_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.periodic_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE likeness.placeholders ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.placeholders_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE likeness.presets (
    name text NOT NULL,
    wave smallint NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    quality smallint DEFAULT 85 NOT NULL,
    effort smallint DEFAULT 2 NOT NULL,
    formats text[] DEFAULT '{webp}'::text[] NOT NULL,
    late_formats text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT effort_is_known CHECK (((effort >= 0) AND (effort <= 6))),
    CONSTRAINT formats_are_known CHECK (((formats <@ '{webp,avif,jpeg}'::text[]) AND (cardinality(formats) > 0))),
    CONSTRAINT late_formats_are_known CHECK (((late_formats <@ '{webp,avif,jpeg}'::text[]) AND (NOT (late_formats && formats)))),
    CONSTRAINT preset_height_is_positive CHECK ((height > 0)),
    CONSTRAINT preset_width_is_positive CHECK ((width > 0)),
    CONSTRAINT quality_is_a_percentage CHECK (((quality >= 1) AND (quality <= 100))),
    CONSTRAINT wave_is_first_or_second CHECK ((wave = ANY (ARRAY[1, 2])))
);

COMMENT ON TABLE likeness.presets IS 'The sizes that are made of each picture: data, not code.';

COMMENT ON COLUMN likeness.presets.name IS 'Name of the size.';

COMMENT ON COLUMN likeness.presets.wave IS '1: made before a picture counts as completed; 2: made afterwards at low priority.';

COMMENT ON COLUMN likeness.presets.width IS 'Width of the box in pixels.';

COMMENT ON COLUMN likeness.presets.height IS 'Height of the box in pixels.';

COMMENT ON COLUMN likeness.presets.quality IS 'Quality on the scale of WebP and JPEG; AVIF is set to look the same.';

COMMENT ON COLUMN likeness.presets.effort IS 'Encoder effort of WebP, 0 to 6.';

COMMENT ON COLUMN likeness.presets.formats IS 'Formats: webp, avif, jpeg.';

COMMENT ON COLUMN likeness.presets.late_formats IS 'Further formats of a size of the first wave: webp, avif, jpeg, made in the second.';

ALTER TABLE likeness.products ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.products_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE likeness.purged_blobs (
    sha256 text NOT NULL COLLATE pg_catalog."C",
    purged_at timestamp with time zone NOT NULL,
    images integer DEFAULT 0 NOT NULL,
    history_rows integer DEFAULT 0 NOT NULL,
    purged_by text NOT NULL,
    reason text NOT NULL,
    CONSTRAINT purge_has_a_reason CHECK ((reason <> ''::text)),
    CONSTRAINT purge_names_a_person CHECK ((purged_by <> ''::text)),
    CONSTRAINT purged_sha256_is_64_hex_digits CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);

COMMENT ON TABLE likeness.purged_blobs IS 'Bytes that were taken down everywhere and never come back: who, when and why. Rows stay.';

COMMENT ON COLUMN likeness.purged_blobs.sha256 IS 'The bytes.';

COMMENT ON COLUMN likeness.purged_blobs.purged_at IS 'When.';

COMMENT ON COLUMN likeness.purged_blobs.images IS 'Places that showed them.';

COMMENT ON COLUMN likeness.purged_blobs.history_rows IS 'Rows of history that named them.';

COMMENT ON COLUMN likeness.purged_blobs.purged_by IS 'Who did it.';

COMMENT ON COLUMN likeness.purged_blobs.reason IS 'Why.';

CREATE TABLE likeness.removed_images (
    product_id bigint NOT NULL,
    source_key text NOT NULL,
    removed_at timestamp with time zone NOT NULL,
    source_url text NOT NULL
);

COMMENT ON TABLE likeness.removed_images IS 'Pictures of feeds that staff removed from a product: no import brings them back.';

COMMENT ON COLUMN likeness.removed_images.product_id IS 'The product.';

COMMENT ON COLUMN likeness.removed_images.source_key IS 'source_key() of the picture''s address.';

COMMENT ON COLUMN likeness.removed_images.removed_at IS 'When.';

COMMENT ON COLUMN likeness.removed_images.source_url IS 'Address or path as the feed gave it.';

CREATE TABLE likeness.rollbacks (
    id bigint NOT NULL,
    supplier_id bigint NOT NULL,
    since_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone NOT NULL,
    images integer DEFAULT 0 NOT NULL,
    released_at timestamp with time zone,
    done_by text NOT NULL,
    CONSTRAINT rollback_goes_back CHECK ((since_at <= done_at))
);

COMMENT ON TABLE likeness.rollbacks IS 'Times when a supplier''s pictures were put back to what they were: rollback_supplier().';

COMMENT ON COLUMN likeness.rollbacks.id IS 'Key.';

COMMENT ON COLUMN likeness.rollbacks.supplier_id IS 'Whose pictures.';

COMMENT ON COLUMN likeness.rollbacks.since_at IS 'They show what they showed just before this.';

COMMENT ON COLUMN likeness.rollbacks.done_at IS 'When it was done.';

COMMENT ON COLUMN likeness.rollbacks.images IS 'How many pictures were put back.';

COMMENT ON COLUMN likeness.rollbacks.released_at IS 'Since when the bytes that it took away may come again: release_rollback().';

COMMENT ON COLUMN likeness.rollbacks.done_by IS 'Who did it.';

ALTER TABLE likeness.rollbacks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.rollbacks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE likeness.run_waiting (
    run_id bigint NOT NULL,
    turn bigint NOT NULL,
    image_id bigint NOT NULL,
    priority smallint NOT NULL
);

COMMENT ON TABLE likeness.run_waiting IS 'Pictures of runs with max_concurrent that are not queued yet: feed_runs() queues the next ones as others are settled.';

COMMENT ON COLUMN likeness.run_waiting.run_id IS 'The run.';

COMMENT ON COLUMN likeness.run_waiting.turn IS 'Order within the run.';

COMMENT ON COLUMN likeness.run_waiting.image_id IS 'The picture.';

COMMENT ON COLUMN likeness.run_waiting.priority IS 'Class that it is queued with.';

ALTER TABLE likeness.run_waiting ALTER COLUMN turn ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.run_waiting_turn_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE likeness.runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE likeness.schema_code (
    is_current boolean DEFAULT true NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    checksum text NOT NULL,
    CONSTRAINT code_checksum_is_sha256 CHECK ((checksum ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT one_row_only CHECK (is_current)
);

COMMENT ON TABLE likeness.schema_code IS 'Which functions, views, triggers and grants this database has: one row.';

COMMENT ON COLUMN likeness.schema_code.is_current IS 'Always true: there is one row.';

COMMENT ON COLUMN likeness.schema_code.applied_at IS 'When they were last applied.';

COMMENT ON COLUMN likeness.schema_code.checksum IS 'sha256 over all the files in the order of sql/apply.sql.';

CREATE TABLE likeness.schema_migrations (
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    checksum text NOT NULL,
    CONSTRAINT checksum_is_sha256 CHECK ((checksum ~ '^[0-9a-f]{64}$'::text))
);

COMMENT ON TABLE likeness.schema_migrations IS 'One row for each migration of sql/migrations that this database has had.';

COMMENT ON COLUMN likeness.schema_migrations.name IS 'File name without .sql, or procrastinate/<file> for the queue library''s own.';

COMMENT ON COLUMN likeness.schema_migrations.applied_at IS 'When it was applied.';

COMMENT ON COLUMN likeness.schema_migrations.checksum IS 'sha256 of the file as it was applied; a file that differs later is refused.';

CREATE TABLE likeness.service_keys (
    key_id text NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text DEFAULT SESSION_USER NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    digest bytea NOT NULL,
    CONSTRAINT digest_is_sha256 CHECK ((octet_length(digest) = 32)),
    CONSTRAINT key_id_is_plain CHECK ((key_id ~ '^[a-z0-9]{8,32}$'::text)),
    CONSTRAINT key_name_is_short CHECK ((((char_length(name) >= 1) AND (char_length(name) <= 100)) AND (name !~ '[[:cntrl:]]'::text))),
    CONSTRAINT scopes_are_known CHECK (((scopes <> '{}'::text[]) AND (scopes <@ '{feeds,mirror,pictures,match,admin}'::text[])))
);

COMMENT ON TABLE likeness.service_keys IS 'Keys of programs that may change state. Hidden from likeness_app and likeness_reader; service_key_status shows what people may see.';

COMMENT ON COLUMN likeness.service_keys.key_id IS 'The part of the key that is no secret: lk_<key_id>_<secret>.';

COMMENT ON COLUMN likeness.service_keys.name IS 'What it is called; one living key a name.';

COMMENT ON COLUMN likeness.service_keys.scopes IS 'What it opens: feeds, mirror, pictures, match; admin opens everything.';

COMMENT ON COLUMN likeness.service_keys.created_at IS 'When it was made.';

COMMENT ON COLUMN likeness.service_keys.created_by IS 'Database user who made it.';

COMMENT ON COLUMN likeness.service_keys.expires_at IS 'Until when it holds; null: until it is revoked.';

COMMENT ON COLUMN likeness.service_keys.revoked_at IS 'Since when it holds no more.';

COMMENT ON COLUMN likeness.service_keys.last_used_at IS 'When it was last used, to ten minutes.';

COMMENT ON COLUMN likeness.service_keys.digest IS 'sha256 of the secret. The secret has 256 random bits, so a slow hash would add nothing.';

ALTER TABLE likeness.suppliers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.suppliers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE likeness.webhook_deliveries ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.webhook_deliveries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE likeness.webhooks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.webhooks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE likeness.workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY likeness.alert_events
    ADD CONSTRAINT alert_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.alert_rules
    ADD CONSTRAINT alert_rules_pkey PRIMARY KEY (rule);

ALTER TABLE ONLY likeness.alert_watch
    ADD CONSTRAINT alert_watch_pkey PRIMARY KEY (rule, subject);

ALTER TABLE ONLY likeness.blobs
    ADD CONSTRAINT blobs_pkey PRIMARY KEY (sha256);

ALTER TABLE ONLY likeness.canonical_products
    ADD CONSTRAINT canonical_products_gtin_key UNIQUE (gtin);

ALTER TABLE ONLY likeness.canonical_products
    ADD CONSTRAINT canonical_products_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.change_reviews
    ADD CONSTRAINT change_reviews_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.check_hours
    ADD CONSTRAINT check_hours_pkey PRIMARY KEY (hour_at, worker);

ALTER TABLE ONLY likeness.check_plan
    ADD CONSTRAINT check_plan_pkey PRIMARY KEY (is_only_row);

ALTER TABLE ONLY likeness.datasets
    ADD CONSTRAINT datasets_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.failure_reasons
    ADD CONSTRAINT failure_reasons_pkey PRIMARY KEY (code);

ALTER TABLE ONLY likeness.host_validators
    ADD CONSTRAINT host_validators_pkey PRIMARY KEY (host_id);

ALTER TABLE ONLY likeness.hosts
    ADD CONSTRAINT hosts_host_key UNIQUE (host);

ALTER TABLE ONLY likeness.hosts
    ADD CONSTRAINT hosts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.image_freshness
    ADD CONSTRAINT image_freshness_pkey PRIMARY KEY (image_id);

ALTER TABLE ONLY likeness.image_history
    ADD CONSTRAINT image_history_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.image_moves
    ADD CONSTRAINT image_moves_pkey PRIMARY KEY (from_status, to_status);

ALTER TABLE ONLY likeness.images
    ADD CONSTRAINT images_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.match_index_state
    ADD CONSTRAINT match_index_state_pkey PRIMARY KEY (is_current);

ALTER TABLE ONLY likeness.match_log
    ADD CONSTRAINT match_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.match_log
    ADD CONSTRAINT match_log_undoes_id_key UNIQUE (undoes_id);

ALTER TABLE ONLY likeness.match_names
    ADD CONSTRAINT match_names_pkey PRIMARY KEY (canonical_product_id);

ALTER TABLE ONLY likeness.match_queue
    ADD CONSTRAINT match_queue_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.match_recent_tokens
    ADD CONSTRAINT match_recent_tokens_pkey PRIMARY KEY (token, canonical_product_id);

ALTER TABLE ONLY likeness.match_rejections
    ADD CONSTRAINT match_rejections_pkey PRIMARY KEY (product_id, canonical_product_id);

ALTER TABLE ONLY likeness.match_rules
    ADD CONSTRAINT match_rules_pkey PRIMARY KEY (is_only_row);

ALTER TABLE ONLY likeness.match_tokens
    ADD CONSTRAINT match_tokens_pkey PRIMARY KEY (token);

ALTER TABLE ONLY likeness.match_weights
    ADD CONSTRAINT match_weights_pkey PRIMARY KEY (name);

ALTER TABLE ONLY likeness.match_weights
    ADD CONSTRAINT match_weights_place_key UNIQUE (place);

ALTER TABLE ONLY likeness.match_words
    ADD CONSTRAINT match_words_pkey PRIMARY KEY (word, kind);

ALTER TABLE ONLY likeness.images
    ADD CONSTRAINT one_canonical_image_a_position UNIQUE (canonical_product_id, "position") DEFERRABLE;

ALTER TABLE ONLY likeness.images
    ADD CONSTRAINT one_image_a_position UNIQUE (product_id, "position") DEFERRABLE;

ALTER TABLE ONLY likeness.placeholders
    ADD CONSTRAINT one_verdict_a_picture UNIQUE NULLS NOT DISTINCT (sha256, supplier_id);

ALTER TABLE ONLY likeness.periodic_runs
    ADD CONSTRAINT periodic_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.periodic_tasks
    ADD CONSTRAINT periodic_tasks_pkey PRIMARY KEY (task);

ALTER TABLE ONLY likeness.permits
    ADD CONSTRAINT permits_pkey PRIMARY KEY (limit_name, client);

ALTER TABLE ONLY likeness.placeholders
    ADD CONSTRAINT placeholders_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.presets
    ADD CONSTRAINT presets_pkey PRIMARY KEY (name);

ALTER TABLE ONLY likeness.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.products
    ADD CONSTRAINT products_supplier_id_sku_key UNIQUE (supplier_id, sku);

ALTER TABLE ONLY likeness.purged_blobs
    ADD CONSTRAINT purged_blobs_pkey PRIMARY KEY (sha256);

ALTER TABLE ONLY likeness.queue_control
    ADD CONSTRAINT queue_control_pkey PRIMARY KEY (is_only_row);

ALTER TABLE ONLY likeness.removed_images
    ADD CONSTRAINT removed_images_pkey PRIMARY KEY (product_id, source_key);

ALTER TABLE ONLY likeness.rendition_queue
    ADD CONSTRAINT rendition_queue_pkey PRIMARY KEY (sha256);

ALTER TABLE ONLY likeness.rollbacks
    ADD CONSTRAINT rollbacks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.run_waiting
    ADD CONSTRAINT run_waiting_pkey PRIMARY KEY (run_id, turn);

ALTER TABLE ONLY likeness.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.schema_code
    ADD CONSTRAINT schema_code_pkey PRIMARY KEY (is_current);

ALTER TABLE ONLY likeness.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (name);

ALTER TABLE ONLY likeness.service_keys
    ADD CONSTRAINT service_keys_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY likeness.storage_usage
    ADD CONSTRAINT storage_usage_pkey PRIMARY KEY (is_only_row);

ALTER TABLE ONLY likeness.supplier_credentials
    ADD CONSTRAINT supplier_credentials_pkey PRIMARY KEY (supplier_id);

ALTER TABLE ONLY likeness.supplier_rates
    ADD CONSTRAINT supplier_rates_pkey PRIMARY KEY (supplier_id);

ALTER TABLE ONLY likeness.suppliers
    ADD CONSTRAINT suppliers_name_key UNIQUE (name);

ALTER TABLE ONLY likeness.suppliers
    ADD CONSTRAINT suppliers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.user_images
    ADD CONSTRAINT user_images_client_key_key UNIQUE (user_id, client_key);

ALTER TABLE ONLY likeness.user_images
    ADD CONSTRAINT user_images_pkey PRIMARY KEY (user_id, sequence_no);

ALTER TABLE ONLY likeness.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.webhook_secrets
    ADD CONSTRAINT webhook_secrets_pkey PRIMARY KEY (webhook_id);

ALTER TABLE ONLY likeness.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.webhooks
    ADD CONSTRAINT webhooks_url_key UNIQUE (url);

ALTER TABLE ONLY likeness.worker_minutes
    ADD CONSTRAINT worker_minutes_pkey PRIMARY KEY (minute_at, worker);

ALTER TABLE ONLY likeness.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);

CREATE UNIQUE INDEX alert_events_open_idx ON likeness.alert_events USING btree (rule, subject) WHERE (status = 'open'::text);

COMMENT ON INDEX likeness.alert_events_open_idx IS 'Keeps an alert from opening twice; serves alert_status.';

COMMENT ON INDEX likeness.alert_events_pkey IS 'Keeps rows in the order in which they opened.';

CREATE INDEX alert_events_rule_idx ON likeness.alert_events USING btree (rule, id DESC);

COMMENT ON INDEX likeness.alert_events_rule_idx IS 'Serves the foreign key of alert_rules, and who looks back.';

COMMENT ON INDEX likeness.alert_rules_pkey IS 'Serves alert_status and set_alert().';

COMMENT ON INDEX likeness.alert_watch_pkey IS 'Serves alert_status and watch_alerts().';

CREATE INDEX blobs_condemned_idx ON likeness.blobs USING btree (condemned_at) WHERE (status = 'condemned'::text);

COMMENT ON INDEX likeness.blobs_condemned_idx IS 'Serves claim_condemned() and garbage_backlog.';

COMMENT ON INDEX likeness.blobs_pkey IS 'Serves begin_blobs(), finish_images() and resolve_display_urls().';

CREATE INDEX blobs_storing_idx ON likeness.blobs USING btree (storing_expires_at) WHERE (status = 'storing'::text);

COMMENT ON INDEX likeness.blobs_storing_idx IS 'Serves check_blobs_stuck_storing and garbage collection.';

COMMENT ON INDEX likeness.canonical_products_gtin_key IS 'Serves the match by barcode.';

CREATE INDEX canonical_products_picture_idx ON likeness.canonical_products USING btree (picture_product_id) WHERE (picture_product_id IS NOT NULL);

COMMENT ON INDEX likeness.canonical_products_picture_idx IS 'Serves the foreign key of products and heal_shared_pictures().';

COMMENT ON INDEX likeness.canonical_products_pkey IS 'Serves every join to canonical_products.';

CREATE INDEX change_reviews_image_idx ON likeness.change_reviews USING btree (image_id, new_sha256);

COMMENT ON INDEX likeness.change_reviews_image_idx IS 'Serves screen_outcomes(): bytes that were rejected before; and the foreign key of images.';

CREATE INDEX change_reviews_new_idx ON likeness.change_reviews USING btree (new_sha256) WHERE (decision IS NULL);

COMMENT ON INDEX likeness.change_reviews_new_idx IS 'Serves is_referenced().';

CREATE UNIQUE INDEX change_reviews_open_idx ON likeness.change_reviews USING btree (image_id) WHERE (decision IS NULL);

COMMENT ON INDEX likeness.change_reviews_open_idx IS 'Keeps one open review a place; serves screen_outcomes().';

COMMENT ON INDEX likeness.change_reviews_pkey IS 'Serves approve_change(), reject_change() and keyset pagination of pending_changes.';

COMMENT ON INDEX likeness.check_hours_pkey IS 'Serves learn_freshness(), freshness_status and plan_checks().';

COMMENT ON INDEX likeness.check_plan_pkey IS 'Serves queue_checks().';

COMMENT ON INDEX likeness.datasets_pkey IS 'Serves every join to datasets.';

CREATE INDEX datasets_supplier_idx ON likeness.datasets USING btree (supplier_id, id DESC);

COMMENT ON INDEX likeness.datasets_supplier_idx IS 'Serves activate_dataset() and the foreign key of suppliers.';

COMMENT ON INDEX likeness.failure_reasons_pkey IS 'Serves failures_by_reason and the foreign key of images.';

COMMENT ON INDEX likeness.host_validators_pkey IS 'Serves claim_images() and learn_freshness().';

COMMENT ON INDEX likeness.hosts_host_key IS 'Serves queue_images().';

CREATE INDEX hosts_limits_idx ON likeness.hosts USING btree (limits_of);

COMMENT ON INDEX likeness.hosts_limits_idx IS 'Serves save_supplier() and the foreign key of suppliers.';

COMMENT ON INDEX likeness.hosts_pkey IS 'Serves claim_images() and finish_images().';

CREATE INDEX hosts_ready_idx ON likeness.hosts USING btree (best_priority DESC, ready_at, id) WHERE ((ready_at IS NOT NULL) AND (NOT paused));

COMMENT ON INDEX likeness.hosts_ready_idx IS 'Serves claim_images(): hosts that may be called now.';

CREATE INDEX image_freshness_due_idx ON likeness.image_freshness USING btree (next_check_at) WHERE (next_check_at IS NOT NULL);

COMMENT ON INDEX likeness.image_freshness_due_idx IS 'Serves queue_checks(): the pictures that are due.';

COMMENT ON INDEX likeness.image_freshness_pkey IS 'Serves learn_freshness() and the foreign key of images.';

CREATE INDEX image_history_blob_idx ON likeness.image_history USING btree (blob_sha256) WHERE (blob_sha256 IS NOT NULL);

COMMENT ON INDEX likeness.image_history_blob_idx IS 'Serves garbage collection and the foreign key of blobs.';

CREATE INDEX image_history_canonical_idx ON likeness.image_history USING btree (canonical_product_id, shown_at) WHERE (canonical_product_id IS NOT NULL);

COMMENT ON INDEX likeness.image_history_canonical_idx IS 'Serves resolve_display_urls_as_of() for shared pictures.';

CREATE INDEX image_history_image_idx ON likeness.image_history USING btree (image_id, shown_at DESC, id DESC);

COMMENT ON INDEX likeness.image_history_image_idx IS 'Serves the view as of a time and rollback.';

COMMENT ON INDEX likeness.image_history_pkey IS 'Keeps rows of one instant in the order in which they were written.';

CREATE INDEX image_history_product_idx ON likeness.image_history USING btree (product_id, shown_at) WHERE (product_id IS NOT NULL);

COMMENT ON INDEX likeness.image_history_product_idx IS 'Serves resolve_display_urls_as_of().';

CREATE INDEX image_history_shown_idx ON likeness.image_history USING brin (shown_at);

COMMENT ON INDEX likeness.image_history_shown_idx IS 'Serves plan_rollback(): what changed since a time. Rows come in the order of time, so a few pages say where.';

COMMENT ON INDEX likeness.image_moves_pkey IS 'Serves the trigger images__check_move.';

CREATE INDEX images_at_rest_idx ON likeness.images USING btree (status) WHERE ((queued_at IS NULL) AND (status = ANY (ARRAY['pending'::text, 'outdated'::text])));

COMMENT ON INDEX likeness.images_at_rest_idx IS 'Serves queue_counts and backfill_images(): pictures without bytes that nobody has queued.';

CREATE INDEX images_blob_idx ON likeness.images USING btree (blob_sha256) WHERE (blob_sha256 IS NOT NULL);

COMMENT ON INDEX likeness.images_blob_idx IS 'Serves garbage collection and the foreign key of blobs.';

CREATE INDEX images_claimable_idx ON likeness.images USING btree (host_id, priority DESC, queued_at, id) WHERE ((queued_at IS NOT NULL) AND (retry_at IS NULL));

COMMENT ON INDEX likeness.images_claimable_idx IS 'Serves claim_images(): the best waiting pictures of one host.';

CREATE INDEX images_failed_idx ON likeness.images USING btree (failure_reason, id) WHERE (failure_reason IS NOT NULL);

COMMENT ON INDEX likeness.images_failed_idx IS 'Serves failures_by_reason and the foreign key of failure_reasons.';

CREATE INDEX images_fetch_url_idx ON likeness.images USING btree (hashtextextended(fetch_url, (0)::bigint));

COMMENT ON INDEX likeness.images_fetch_url_idx IS 'Serves find_image_by_url(): GET /api/images/serve?url=.';

CREATE INDEX images_given_up_idx ON likeness.images USING btree (id) WHERE (status = 'failed'::text);

COMMENT ON INDEX likeness.images_given_up_idx IS 'Serves queue_counts and alert_measures: how many pictures failed for good.';

CREATE INDEX images_host_idx ON likeness.images USING btree (host_id);

COMMENT ON INDEX likeness.images_host_idx IS 'Serves the foreign key of hosts and host_backlog.';

CREATE INDEX images_in_flight_idx ON likeness.images USING btree (host_id, claim_expires_at) WHERE (claimed_by IS NOT NULL);

COMMENT ON INDEX likeness.images_in_flight_idx IS 'Serves claim_images(): how many pictures of a host are in hand.';

CREATE INDEX images_lease_idx ON likeness.images USING btree (claim_expires_at) WHERE (claimed_by IS NOT NULL);

COMMENT ON INDEX likeness.images_lease_idx IS 'Serves requeue_expired() and extend_claims().';

COMMENT ON INDEX likeness.images_pkey IS 'Serves finish_images() and the proxy.';

CREATE INDEX images_retry_idx ON likeness.images USING btree (retry_at) WHERE (retry_at IS NOT NULL);

COMMENT ON INDEX likeness.images_retry_idx IS 'Serves promote_retries().';

CREATE INDEX images_run_idx ON likeness.images USING btree (run_id) WHERE (run_id IS NOT NULL);

COMMENT ON INDEX likeness.images_run_idx IS 'Serves run_status and the foreign key of runs.';

CREATE INDEX images_run_retry_idx ON likeness.images USING btree (run_id) WHERE ((retry_at IS NOT NULL) AND (run_id IS NOT NULL));

COMMENT ON INDEX likeness.images_run_retry_idx IS 'Serves run_room(): pictures of a run that wait for another attempt.';

CREATE INDEX images_uploaded_idx ON likeness.images USING btree (uploaded_sha256) WHERE (uploaded_sha256 IS NOT NULL);

COMMENT ON INDEX likeness.images_uploaded_idx IS 'Serves garbage collection and the foreign key of blobs.';

COMMENT ON INDEX likeness.match_index_state_pkey IS 'Keeps the table at one row.';

CREATE INDEX match_log_canonical_idx ON likeness.match_log USING btree (canonical_product_id, id);

COMMENT ON INDEX likeness.match_log_canonical_idx IS 'Serves undo_match(): later merges of a canonical product.';

COMMENT ON INDEX likeness.match_log_pkey IS 'Serves undo_match().';

CREATE INDEX match_log_product_idx ON likeness.match_log USING btree (product_id, id);

COMMENT ON INDEX likeness.match_log_product_idx IS 'Serves undo_match(): what stands on a decision; and match_quality.';

COMMENT ON INDEX likeness.match_log_undoes_id_key IS 'Serves undo_match(): what is taken back already.';

COMMENT ON INDEX likeness.match_names_pkey IS 'Serves score_candidates() and the foreign key of canonical_products.';

CREATE INDEX match_queue_best_idx ON likeness.match_queue USING btree (confidence DESC, id) WHERE (status = 'waiting'::text);

COMMENT ON INDEX likeness.match_queue_best_idx IS 'Serves the review list, surest first.';

CREATE INDEX match_queue_candidates_idx ON likeness.match_queue USING gin (candidates jsonb_path_ops) WHERE (status = 'waiting'::text);

COMMENT ON INDEX likeness.match_queue_candidates_idx IS 'Serves merge_canonical_products(): items that name a canonical product that goes.';

CREATE INDEX match_queue_canonical_idx ON likeness.match_queue USING btree (canonical_product_id) WHERE (canonical_product_id IS NOT NULL);

COMMENT ON INDEX likeness.match_queue_canonical_idx IS 'Serves the review list by products affected, and the foreign key of canonical_products.';

CREATE INDEX match_queue_history_idx ON likeness.match_queue USING btree (product_id, id);

COMMENT ON INDEX likeness.match_queue_history_idx IS 'Serves the foreign key of products and the decisions about one product.';

COMMENT ON INDEX likeness.match_queue_pkey IS 'Serves accept_match() and reject_match().';

CREATE UNIQUE INDEX match_queue_product_idx ON likeness.match_queue USING btree (product_id) WHERE (status = 'waiting'::text);

COMMENT ON INDEX likeness.match_queue_product_idx IS 'Serves match_products(): one waiting item a product.';

COMMENT ON INDEX likeness.match_recent_tokens_pkey IS 'Serves score_candidates().';

CREATE INDEX match_recent_tokens_product_idx ON likeness.match_recent_tokens USING btree (canonical_product_id);

COMMENT ON INDEX likeness.match_recent_tokens_product_idx IS 'Serves index_canonical_products() and the foreign key of canonical_products.';

CREATE INDEX match_rejections_canonical_idx ON likeness.match_rejections USING btree (canonical_product_id);

COMMENT ON INDEX likeness.match_rejections_canonical_idx IS 'Serves merge_canonical_products() and the foreign key of canonical_products.';

CREATE INDEX match_rejections_log_idx ON likeness.match_rejections USING btree (log_id);

COMMENT ON INDEX likeness.match_rejections_log_idx IS 'Serves undo_match() and the foreign key of match_log.';

COMMENT ON INDEX likeness.match_rejections_pkey IS 'Serves plan_matches().';

COMMENT ON INDEX likeness.match_rules_pkey IS 'Serves plan_matches().';

COMMENT ON INDEX likeness.match_tokens_pkey IS 'Serves score_candidates().';

COMMENT ON INDEX likeness.match_weights_pkey IS 'Serves score_candidates().';

COMMENT ON INDEX likeness.match_weights_place_key IS 'Keeps two features from one place.';

COMMENT ON INDEX likeness.match_words_pkey IS 'Serves match_lexicon().';

COMMENT ON INDEX likeness.one_canonical_image_a_position IS 'Serves resolve_display_urls() for shared pictures and the foreign key of canonical_products.';

COMMENT ON INDEX likeness.one_image_a_position IS 'Serves resolve_display_urls() and the foreign key of products.';

COMMENT ON INDEX likeness.one_verdict_a_picture IS 'Serves screen_outcomes() and is_referenced().';

COMMENT ON INDEX likeness.periodic_runs_pkey IS 'Serves end_periodic().';

CREATE INDEX periodic_runs_running_idx ON likeness.periodic_runs USING btree (task) WHERE (status = 'running'::text);

COMMENT ON INDEX likeness.periodic_runs_running_idx IS 'Serves begin_periodic(): runs that a dead process left.';

CREATE INDEX periodic_runs_task_idx ON likeness.periodic_runs USING btree (task, id DESC);

COMMENT ON INDEX likeness.periodic_runs_task_idx IS 'Serves periodic_work and the foreign key of periodic_tasks.';

COMMENT ON INDEX likeness.periodic_tasks_pkey IS 'Serves begin_periodic() and end_periodic().';

CREATE INDEX permits_expires_at_idx ON likeness.permits USING btree (expires_at);

COMMENT ON INDEX likeness.permits_expires_at_idx IS 'Serves forget_permits().';

COMMENT ON INDEX likeness.permits_pkey IS 'Serves take_permit().';

COMMENT ON INDEX likeness.placeholders_pkey IS 'Serves people.';

CREATE INDEX placeholders_supplier_idx ON likeness.placeholders USING btree (supplier_id);

COMMENT ON INDEX likeness.placeholders_supplier_idx IS 'Serves the foreign key of suppliers.';

COMMENT ON INDEX likeness.presets_pkey IS 'Serves the worker at its start.';

CREATE INDEX products_canonical_idx ON likeness.products USING btree (canonical_product_id) WHERE (canonical_product_id IS NOT NULL);

COMMENT ON INDEX likeness.products_canonical_idx IS 'Serves the foreign key of canonical_products and its shared pictures.';

CREATE INDEX products_dataset_idx ON likeness.products USING btree (dataset_id);

COMMENT ON INDEX likeness.products_dataset_idx IS 'Serves activate_dataset() and the foreign key of datasets.';

CREATE INDEX products_left_idx ON likeness.products USING btree (status_changed_at, id) WHERE ((status <> 'active'::text) AND ((pictures_released_at IS NULL) OR (pictures_released_at < status_changed_at)));

COMMENT ON INDEX likeness.products_left_idx IS 'Serves cleanup_products(): who left longest ago and still has its pictures.';

CREATE INDEX products_linked_gtin_idx ON likeness.products USING btree (gtin) WHERE ((canonical_product_id IS NOT NULL) AND (gtin IS NOT NULL));

COMMENT ON INDEX likeness.products_linked_gtin_idx IS 'Serves plan_matches(): a barcode that is known from another store.';

COMMENT ON INDEX likeness.products_pkey IS 'Serves resolve_display_urls().';

COMMENT ON INDEX likeness.products_supplier_id_sku_key IS 'Serves merge_feed() and the stable alias.';

CREATE INDEX products_unmatched_idx ON likeness.products USING btree (supplier_id, id) WHERE ((canonical_product_id IS NULL) AND (status <> 'deleted'::text));

COMMENT ON INDEX likeness.products_unmatched_idx IS 'Serves next_unmatched().';

COMMENT ON INDEX likeness.purged_blobs_pkey IS 'Serves begin_blobs() and finish_images().';

COMMENT ON INDEX likeness.queue_control_pkey IS 'Serves claim_images().';

COMMENT ON INDEX likeness.removed_images_pkey IS 'Serves curate_feed() and restore_image().';

CREATE INDEX rendition_queue_claimed_idx ON likeness.rendition_queue USING btree (claimed_by) WHERE (claimed_by IS NOT NULL);

COMMENT ON INDEX likeness.rendition_queue_claimed_idx IS 'Serves extend_claims() and stop_worker().';

CREATE INDEX rendition_queue_failed_idx ON likeness.rendition_queue USING btree (failure_reason) WHERE (failure_reason IS NOT NULL);

COMMENT ON INDEX likeness.rendition_queue_failed_idx IS 'Serves rendition_backlog and the foreign key of failure_reasons.';

COMMENT ON INDEX likeness.rendition_queue_pkey IS 'Serves finish_renditions() and the foreign key of blobs.';

CREATE INDEX rendition_queue_ready_idx ON likeness.rendition_queue USING btree (ready_at) WHERE (status = 'waiting'::text);

COMMENT ON INDEX likeness.rendition_queue_ready_idx IS 'Serves claim_renditions(): the oldest that may be claimed.';

COMMENT ON INDEX likeness.rollbacks_pkey IS 'Serves release_rollback().';

CREATE INDEX rollbacks_supplier_idx ON likeness.rollbacks USING btree (supplier_id, id DESC);

COMMENT ON INDEX likeness.rollbacks_supplier_idx IS 'Serves the foreign key of suppliers.';

CREATE INDEX run_waiting_image_idx ON likeness.run_waiting USING btree (image_id);

COMMENT ON INDEX likeness.run_waiting_image_idx IS 'Serves the foreign key of images and explain_state().';

COMMENT ON INDEX likeness.run_waiting_pkey IS 'Serves feed_runs().';

COMMENT ON INDEX likeness.runs_pkey IS 'Serves run_status and finish_images().';

CREATE INDEX runs_waiting_idx ON likeness.runs USING btree (id) WHERE (waiting > 0);

COMMENT ON INDEX likeness.runs_waiting_idx IS 'Serves feed_runs().';

COMMENT ON INDEX likeness.schema_code_pkey IS 'Keeps the table at one row.';

COMMENT ON INDEX likeness.schema_migrations_pkey IS 'Serves the migrator: is this file applied?';

CREATE UNIQUE INDEX service_keys_name_key ON likeness.service_keys USING btree (name) WHERE (revoked_at IS NULL);

COMMENT ON INDEX likeness.service_keys_name_key IS 'Keeps one living key a name.';

COMMENT ON INDEX likeness.service_keys_pkey IS 'Serves find_service_key().';

COMMENT ON INDEX likeness.storage_usage_pkey IS 'Serves alert_measures.';

COMMENT ON INDEX likeness.supplier_credentials_pkey IS 'Serves claim_images() and image_source().';

COMMENT ON INDEX likeness.supplier_rates_pkey IS 'Serves queue_checks() and learn_freshness().';

COMMENT ON INDEX likeness.suppliers_name_key IS 'Serves ensure_supplier().';

COMMENT ON INDEX likeness.suppliers_pkey IS 'Serves every join to suppliers.';

COMMENT ON INDEX likeness.user_images_client_key_key IS 'Serves add_user_images(), and keeps a picture from being added twice.';

COMMENT ON INDEX likeness.user_images_pkey IS 'Serves list_user_images() and add_user_images().';

CREATE INDEX webhook_deliveries_due_idx ON likeness.webhook_deliveries USING btree (next_attempt_at) WHERE (status = 'waiting'::text);

COMMENT ON INDEX likeness.webhook_deliveries_due_idx IS 'Serves claim_deliveries().';

CREATE INDEX webhook_deliveries_finished_idx ON likeness.webhook_deliveries USING btree (status, finished_at) WHERE (status <> 'waiting'::text);

COMMENT ON INDEX likeness.webhook_deliveries_finished_idx IS 'Serves alert_measures and prune_history().';

COMMENT ON INDEX likeness.webhook_deliveries_pkey IS 'Serves finish_delivery().';

CREATE INDEX webhook_deliveries_webhook_idx ON likeness.webhook_deliveries USING btree (webhook_id);

COMMENT ON INDEX likeness.webhook_deliveries_webhook_idx IS 'Serves webhook_status and the foreign key of webhooks.';

COMMENT ON INDEX likeness.webhook_secrets_pkey IS 'Serves claim_deliveries() and the foreign key of webhooks.';

COMMENT ON INDEX likeness.webhooks_pkey IS 'Serves claim_deliveries().';

COMMENT ON INDEX likeness.webhooks_url_key IS 'Serves save_webhook().';

COMMENT ON INDEX likeness.worker_minutes_pkey IS 'Serves finish_images(), throughput and prune_history().';

COMMENT ON INDEX likeness.workers_pkey IS 'Serves beat_worker().';

ALTER TABLE ONLY likeness.alert_events
    ADD CONSTRAINT alert_events_rule_fkey FOREIGN KEY (rule) REFERENCES likeness.alert_rules(rule) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.alert_watch
    ADD CONSTRAINT alert_watch_rule_fkey FOREIGN KEY (rule) REFERENCES likeness.alert_rules(rule) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.canonical_products
    ADD CONSTRAINT canonical_products_picture_product_id_fkey FOREIGN KEY (picture_product_id) REFERENCES likeness.products(id) ON DELETE SET NULL;

ALTER TABLE ONLY likeness.change_reviews
    ADD CONSTRAINT change_reviews_image_id_fkey FOREIGN KEY (image_id) REFERENCES likeness.images(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.datasets
    ADD CONSTRAINT datasets_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES likeness.suppliers(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.host_validators
    ADD CONSTRAINT host_validators_host_id_fkey FOREIGN KEY (host_id) REFERENCES likeness.hosts(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.hosts
    ADD CONSTRAINT hosts_limits_of_fkey FOREIGN KEY (limits_of) REFERENCES likeness.suppliers(id) ON DELETE SET NULL;

ALTER TABLE ONLY likeness.image_freshness
    ADD CONSTRAINT image_freshness_image_id_fkey FOREIGN KEY (image_id) REFERENCES likeness.images(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.image_history
    ADD CONSTRAINT image_history_blob_sha256_fkey FOREIGN KEY (blob_sha256) REFERENCES likeness.blobs(sha256);

ALTER TABLE ONLY likeness.images
    ADD CONSTRAINT images_blob_sha256_fkey FOREIGN KEY (blob_sha256) REFERENCES likeness.blobs(sha256);

ALTER TABLE ONLY likeness.images
    ADD CONSTRAINT images_canonical_product_id_fkey FOREIGN KEY (canonical_product_id) REFERENCES likeness.canonical_products(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.images
    ADD CONSTRAINT images_failure_reason_fkey FOREIGN KEY (failure_reason) REFERENCES likeness.failure_reasons(code);

ALTER TABLE ONLY likeness.images
    ADD CONSTRAINT images_host_id_fkey FOREIGN KEY (host_id) REFERENCES likeness.hosts(id);

ALTER TABLE ONLY likeness.images
    ADD CONSTRAINT images_product_id_fkey FOREIGN KEY (product_id) REFERENCES likeness.products(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.images
    ADD CONSTRAINT images_run_id_fkey FOREIGN KEY (run_id) REFERENCES likeness.runs(id) ON DELETE SET NULL;

ALTER TABLE ONLY likeness.images
    ADD CONSTRAINT images_uploaded_sha256_fkey FOREIGN KEY (uploaded_sha256) REFERENCES likeness.blobs(sha256) ON DELETE SET NULL;

ALTER TABLE ONLY likeness.match_log
    ADD CONSTRAINT match_log_undoes_id_fkey FOREIGN KEY (undoes_id) REFERENCES likeness.match_log(id);

ALTER TABLE ONLY likeness.match_names
    ADD CONSTRAINT match_names_canonical_product_id_fkey FOREIGN KEY (canonical_product_id) REFERENCES likeness.canonical_products(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.match_queue
    ADD CONSTRAINT match_queue_canonical_product_id_fkey FOREIGN KEY (canonical_product_id) REFERENCES likeness.canonical_products(id) ON DELETE SET NULL;

ALTER TABLE ONLY likeness.match_queue
    ADD CONSTRAINT match_queue_product_id_fkey FOREIGN KEY (product_id) REFERENCES likeness.products(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.match_recent_tokens
    ADD CONSTRAINT match_recent_tokens_canonical_product_id_fkey FOREIGN KEY (canonical_product_id) REFERENCES likeness.canonical_products(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.match_rejections
    ADD CONSTRAINT match_rejections_canonical_product_id_fkey FOREIGN KEY (canonical_product_id) REFERENCES likeness.canonical_products(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.match_rejections
    ADD CONSTRAINT match_rejections_log_id_fkey FOREIGN KEY (log_id) REFERENCES likeness.match_log(id);

ALTER TABLE ONLY likeness.match_rejections
    ADD CONSTRAINT match_rejections_product_id_fkey FOREIGN KEY (product_id) REFERENCES likeness.products(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.periodic_runs
    ADD CONSTRAINT periodic_runs_task_fkey FOREIGN KEY (task) REFERENCES likeness.periodic_tasks(task) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.placeholders
    ADD CONSTRAINT placeholders_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES likeness.suppliers(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.products
    ADD CONSTRAINT products_canonical_product_id_fkey FOREIGN KEY (canonical_product_id) REFERENCES likeness.canonical_products(id) ON DELETE SET NULL;

ALTER TABLE ONLY likeness.products
    ADD CONSTRAINT products_dataset_id_fkey FOREIGN KEY (dataset_id) REFERENCES likeness.datasets(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.products
    ADD CONSTRAINT products_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES likeness.suppliers(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.removed_images
    ADD CONSTRAINT removed_images_product_id_fkey FOREIGN KEY (product_id) REFERENCES likeness.products(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.rendition_queue
    ADD CONSTRAINT rendition_queue_failure_reason_fkey FOREIGN KEY (failure_reason) REFERENCES likeness.failure_reasons(code);

ALTER TABLE ONLY likeness.rendition_queue
    ADD CONSTRAINT rendition_queue_sha256_fkey FOREIGN KEY (sha256) REFERENCES likeness.blobs(sha256) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.rollbacks
    ADD CONSTRAINT rollbacks_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES likeness.suppliers(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.run_waiting
    ADD CONSTRAINT run_waiting_image_id_fkey FOREIGN KEY (image_id) REFERENCES likeness.images(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.run_waiting
    ADD CONSTRAINT run_waiting_run_id_fkey FOREIGN KEY (run_id) REFERENCES likeness.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.supplier_credentials
    ADD CONSTRAINT supplier_credentials_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES likeness.suppliers(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.supplier_rates
    ADD CONSTRAINT supplier_rates_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES likeness.suppliers(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES likeness.webhooks(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.webhook_secrets
    ADD CONSTRAINT webhook_secrets_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES likeness.webhooks(id) ON DELETE CASCADE;

ALTER TABLE likeness.user_images ENABLE ROW LEVEL SECURITY;

CREATE POLICY user_images_own ON likeness.user_images USING ((user_id = NULLIF(current_setting('likeness.user_id'::text, true), ''::text))) WITH CHECK ((user_id = NULLIF(current_setting('likeness.user_id'::text, true), ''::text)));

COMMENT ON POLICY user_images_own ON likeness.user_images IS 'Each user sees and adds own pictures alone.';

GRANT USAGE ON SCHEMA likeness TO likeness_reader;
GRANT USAGE ON SCHEMA likeness TO likeness_app;

GRANT SELECT ON TABLE likeness.canonical_products TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.canonical_products TO likeness_app;

GRANT SELECT ON TABLE likeness.datasets TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.datasets TO likeness_app;

GRANT SELECT ON TABLE likeness.images TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.images TO likeness_app;

GRANT SELECT ON TABLE likeness.products TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.products TO likeness_app;

GRANT SELECT ON TABLE likeness.webhook_deliveries TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.webhook_deliveries TO likeness_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.webhook_secrets TO likeness_app;

GRANT SELECT ON TABLE likeness.webhooks TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.webhooks TO likeness_app;

GRANT SELECT ON TABLE likeness.runs TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.runs TO likeness_app;

GRANT SELECT ON TABLE likeness.blobs TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.blobs TO likeness_app;

GRANT SELECT ON TABLE likeness.suppliers TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.suppliers TO likeness_app;

GRANT SELECT ON TABLE likeness.hosts TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.hosts TO likeness_app;

GRANT SELECT ON TABLE likeness.queue_control TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.queue_control TO likeness_app;

GRANT SELECT ON TABLE likeness.workers TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.workers TO likeness_app;

GRANT SELECT ON TABLE likeness.placeholders TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.placeholders TO likeness_app;

GRANT SELECT ON TABLE likeness.permits TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.permits TO likeness_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.supplier_credentials TO likeness_app;

GRANT SELECT ON TABLE likeness.change_reviews TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.change_reviews TO likeness_app;

GRANT SELECT ON TABLE likeness.image_history TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.image_history TO likeness_app;

GRANT SELECT,INSERT ON TABLE likeness.user_images TO likeness_app;

GRANT SELECT ON TABLE likeness.match_queue TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.match_queue TO likeness_app;

GRANT SELECT ON TABLE likeness.match_words TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.match_words TO likeness_app;

GRANT SELECT ON TABLE likeness.match_rejections TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.match_rejections TO likeness_app;

GRANT SELECT ON TABLE likeness.supplier_rates TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.supplier_rates TO likeness_app;

GRANT SELECT ON TABLE likeness.failure_reasons TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.failure_reasons TO likeness_app;

GRANT SELECT ON TABLE likeness.periodic_tasks TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.periodic_tasks TO likeness_app;

GRANT SELECT ON TABLE likeness.match_log TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.match_log TO likeness_app;

GRANT SELECT ON TABLE likeness.alert_rules TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.alert_rules TO likeness_app;

GRANT SELECT ON TABLE likeness.rendition_queue TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.rendition_queue TO likeness_app;

GRANT SELECT ON TABLE likeness.alert_events TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.alert_events TO likeness_app;

GRANT SELECT ON TABLE likeness.image_freshness TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.image_freshness TO likeness_app;

GRANT SELECT ON TABLE likeness.periodic_runs TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.periodic_runs TO likeness_app;

GRANT SELECT ON TABLE likeness.storage_usage TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.storage_usage TO likeness_app;

GRANT SELECT ON TABLE likeness.worker_minutes TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.worker_minutes TO likeness_app;

GRANT SELECT ON TABLE likeness.alert_watch TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.alert_watch TO likeness_app;

GRANT SELECT ON TABLE likeness.check_hours TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.check_hours TO likeness_app;

GRANT SELECT ON TABLE likeness.match_index_state TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.match_index_state TO likeness_app;

GRANT SELECT ON TABLE likeness.match_names TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.match_names TO likeness_app;

GRANT SELECT ON TABLE likeness.check_plan TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.check_plan TO likeness_app;

GRANT SELECT ON TABLE likeness.host_validators TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.host_validators TO likeness_app;

GRANT SELECT ON TABLE likeness.image_moves TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.image_moves TO likeness_app;

GRANT SELECT ON TABLE likeness.match_recent_tokens TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.match_recent_tokens TO likeness_app;

GRANT SELECT ON TABLE likeness.match_rules TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.match_rules TO likeness_app;

GRANT SELECT ON TABLE likeness.match_tokens TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.match_tokens TO likeness_app;

GRANT SELECT ON TABLE likeness.match_weights TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.match_weights TO likeness_app;

GRANT SELECT ON TABLE likeness.presets TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.presets TO likeness_app;

GRANT SELECT ON TABLE likeness.purged_blobs TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.purged_blobs TO likeness_app;

GRANT SELECT ON TABLE likeness.removed_images TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.removed_images TO likeness_app;

GRANT SELECT ON TABLE likeness.rollbacks TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.rollbacks TO likeness_app;

GRANT SELECT ON TABLE likeness.run_waiting TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.run_waiting TO likeness_app;

GRANT SELECT ON TABLE likeness.schema_code TO likeness_reader;
GRANT SELECT ON TABLE likeness.schema_code TO likeness_app;

GRANT SELECT ON TABLE likeness.schema_migrations TO likeness_reader;
GRANT SELECT ON TABLE likeness.schema_migrations TO likeness_app;
