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
	blob jsonb
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
    CONSTRAINT attempts_are_counted_up CHECK ((attempts >= 0)),
    CONSTRAINT blob_says_since_when CHECK (((blob_sha256 IS NULL) = (mirrored_at IS NULL))),
    CONSTRAINT claim_has_expiry CHECK (((claimed_by IS NULL) = (claim_expires_at IS NULL))),
    CONSTRAINT completed_has_blob CHECK (((status <> ALL (ARRAY['completed'::text, 'outdated'::text])) OR (blob_sha256 IS NOT NULL))),
    CONSTRAINT completed_has_no_failure CHECK (((status <> 'completed'::text) OR (failure_reason IS NULL))),
    CONSTRAINT deaths_are_counted_up CHECK ((worker_deaths >= 0)),
    CONSTRAINT failed_has_reason CHECK (((status <> 'failed'::text) OR (failure_reason IS NOT NULL))),
    CONSTRAINT image_has_a_source CHECK ((source_url <> ''::text)),
    CONSTRAINT image_has_one_owner CHECK ((num_nonnulls(product_id, canonical_product_id) = 1)),
    CONSTRAINT only_a_claimed_suspect_is_alone CHECK (((NOT is_alone) OR (is_suspect AND (claimed_by IS NOT NULL)))),
    CONSTRAINT only_waiting_is_queued CHECK (((queued_at IS NULL) OR (status = ANY (ARRAY['pending'::text, 'outdated'::text])))),
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
    CONSTRAINT finished_run_says_when CHECK (((status = 'finished'::text) = (finished_at IS NOT NULL))),
    CONSTRAINT run_status_is_known CHECK ((status = ANY (ARRAY['running'::text, 'finished'::text])))
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

CREATE TABLE likeness.queue_control (
    is_only_row boolean DEFAULT true NOT NULL,
    is_paused boolean DEFAULT false NOT NULL,
    paused_at timestamp with time zone,
    reason text,
    CONSTRAINT only_a_paused_queue_has_a_reason CHECK ((is_paused OR (reason IS NULL))),
    CONSTRAINT paused_queue_says_since_when CHECK ((is_paused = (paused_at IS NOT NULL))),
    CONSTRAINT there_is_one_row CHECK (is_only_row)
);

COMMENT ON TABLE likeness.queue_control IS 'The switch of the whole queue, in one row: pause_queue(), resume_queue().';

COMMENT ON COLUMN likeness.queue_control.is_only_row IS 'Keeps it one row.';

COMMENT ON COLUMN likeness.queue_control.is_paused IS 'claim_images() hands out nothing.';

COMMENT ON COLUMN likeness.queue_control.paused_at IS 'Since when.';

COMMENT ON COLUMN likeness.queue_control.reason IS 'Why, in the words of who paused it.';

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

COMMENT ON COLUMN likeness.workers.finished IS 'Pictures finished, well or not.';

COMMENT ON COLUMN likeness.workers.started_at IS 'When it started.';

COMMENT ON COLUMN likeness.workers.seen_at IS 'Last heartbeat.';

COMMENT ON COLUMN likeness.workers.stopped_at IS 'When it stopped.';

COMMENT ON COLUMN likeness.workers.version IS 'Version of the program.';

COMMENT ON COLUMN likeness.workers.drain_asked_at IS 'Since when it shall claim nothing more: drain().';

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
    CONSTRAINT attempts_are_positive CHECK (((max_attempts >= 1) AND (max_attempts <= 20))),
    CONSTRAINT headers_are_an_object CHECK ((jsonb_typeof(request_headers) = 'object'::text)),
    CONSTRAINT hidden_origin_is_never_direct CHECK ((NOT (hide_origin AND (while_pending = 'direct'::text)))),
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
    CONSTRAINT blob_bytes_are_positive CHECK ((bytes > 0)),
    CONSTRAINT blob_height_is_positive CHECK ((height > 0)),
    CONSTRAINT blob_status_is_known CHECK ((status = ANY (ARRAY['storing'::text, 'stored'::text, 'condemned'::text]))),
    CONSTRAINT blob_width_is_positive CHECK ((width > 0)),
    CONSTRAINT condemned_says_when CHECK (((status = 'condemned'::text) = (condemned_at IS NOT NULL))),
    CONSTRAINT deleting_bytes_are_not_stored CHECK (((NOT is_deleting) OR (status <> 'stored'::text))),
    CONSTRAINT renditions_are_a_list CHECK ((jsonb_typeof(renditions) = 'array'::text)),
    CONSTRAINT sha256_is_64_hex_digits CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT signature_is_8_by_8_rgb CHECK ((octet_length(signature) = 192)),
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
WITH (fillfactor='80');

COMMENT ON TABLE likeness.rendition_queue IS 'Bytes of which further renditions may have to be made. A row goes when that is done; workers turn to it when no picture waits.';

COMMENT ON COLUMN likeness.rendition_queue.sha256 IS 'The bytes.';

COMMENT ON COLUMN likeness.rendition_queue.status IS 'waiting (also while a worker has it), or failed for good.';

COMMENT ON COLUMN likeness.rendition_queue.attempts IS 'Claims so far, less those that were handed back.';

COMMENT ON COLUMN likeness.rendition_queue.ready_at IS 'When it may be claimed: at once, after a fault later, while claimed when the claim runs out.';

COMMENT ON COLUMN likeness.rendition_queue.queued_at IS 'Since when it is wanted.';

COMMENT ON COLUMN likeness.rendition_queue.claimed_by IS 'Worker that has it in hand.';

COMMENT ON COLUMN likeness.rendition_queue.failure_reason IS 'Why the last attempt failed.';

COMMENT ON COLUMN likeness.rendition_queue.failure_text IS 'The same in words.';

CREATE TABLE likeness.canonical_products (
    id bigint NOT NULL,
    name text NOT NULL,
    brand text,
    gtin text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT canonical_gtin_has_14_digits CHECK ((gtin ~ '^[0-9]{14}$'::text))
);

COMMENT ON TABLE likeness.canonical_products IS 'One real-world product that the products of several stores stand for.';

COMMENT ON COLUMN likeness.canonical_products.id IS 'Key.';

COMMENT ON COLUMN likeness.canonical_products.name IS 'Name shown to reviewers.';

COMMENT ON COLUMN likeness.canonical_products.brand IS 'Brand, where known.';

COMMENT ON COLUMN likeness.canonical_products.gtin IS 'Barcode as 14 digits, where known.';

COMMENT ON COLUMN likeness.canonical_products.created_at IS 'When the row was made.';

COMMENT ON COLUMN likeness.canonical_products.updated_at IS 'When the row was last changed.';

ALTER TABLE likeness.canonical_products ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.canonical_products_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE likeness.datasets ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.datasets_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

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

ALTER TABLE likeness.periodic_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.periodic_runs_id_seq
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

ALTER TABLE likeness.workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME likeness.workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY likeness.permits
    ADD CONSTRAINT permits_pkey PRIMARY KEY (limit_name, client);

ALTER TABLE ONLY likeness.blobs
    ADD CONSTRAINT blobs_pkey PRIMARY KEY (sha256);

ALTER TABLE ONLY likeness.canonical_products
    ADD CONSTRAINT canonical_products_gtin_key UNIQUE (gtin);

ALTER TABLE ONLY likeness.canonical_products
    ADD CONSTRAINT canonical_products_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.datasets
    ADD CONSTRAINT datasets_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.failure_reasons
    ADD CONSTRAINT failure_reasons_pkey PRIMARY KEY (code);

ALTER TABLE ONLY likeness.hosts
    ADD CONSTRAINT hosts_host_key UNIQUE (host);

ALTER TABLE ONLY likeness.hosts
    ADD CONSTRAINT hosts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.image_history
    ADD CONSTRAINT image_history_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.image_moves
    ADD CONSTRAINT image_moves_pkey PRIMARY KEY (from_status, to_status);

ALTER TABLE ONLY likeness.images
    ADD CONSTRAINT images_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.images
    ADD CONSTRAINT one_canonical_image_a_position UNIQUE (canonical_product_id, "position") DEFERRABLE;

ALTER TABLE ONLY likeness.images
    ADD CONSTRAINT one_image_a_position UNIQUE (product_id, "position") DEFERRABLE;

ALTER TABLE ONLY likeness.periodic_runs
    ADD CONSTRAINT periodic_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.periodic_tasks
    ADD CONSTRAINT periodic_tasks_pkey PRIMARY KEY (task);

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

ALTER TABLE ONLY likeness.rendition_queue
    ADD CONSTRAINT rendition_queue_pkey PRIMARY KEY (sha256);

ALTER TABLE ONLY likeness.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.schema_code
    ADD CONSTRAINT schema_code_pkey PRIMARY KEY (is_current);

ALTER TABLE ONLY likeness.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (name);

ALTER TABLE ONLY likeness.service_keys
    ADD CONSTRAINT service_keys_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY likeness.supplier_credentials
    ADD CONSTRAINT supplier_credentials_pkey PRIMARY KEY (supplier_id);

ALTER TABLE ONLY likeness.suppliers
    ADD CONSTRAINT suppliers_name_key UNIQUE (name);

ALTER TABLE ONLY likeness.suppliers
    ADD CONSTRAINT suppliers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY likeness.user_images
    ADD CONSTRAINT user_images_client_key_key UNIQUE (user_id, client_key);

ALTER TABLE ONLY likeness.user_images
    ADD CONSTRAINT user_images_pkey PRIMARY KEY (user_id, sequence_no);

ALTER TABLE ONLY likeness.worker_minutes
    ADD CONSTRAINT worker_minutes_pkey PRIMARY KEY (minute_at, worker);

ALTER TABLE ONLY likeness.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);

CREATE INDEX blobs_condemned_idx ON likeness.blobs USING btree (condemned_at) WHERE (status = 'condemned'::text);

COMMENT ON INDEX likeness.blobs_condemned_idx IS 'Serves claim_condemned() and garbage_backlog.';

COMMENT ON INDEX likeness.blobs_pkey IS 'Serves begin_blobs(), finish_images() and resolve_display_urls().';

CREATE INDEX blobs_storing_idx ON likeness.blobs USING btree (storing_expires_at) WHERE (status = 'storing'::text);

COMMENT ON INDEX likeness.blobs_storing_idx IS 'Serves check_blobs_stuck_storing and garbage collection.';

COMMENT ON INDEX likeness.canonical_products_gtin_key IS 'Serves the match by barcode.';

COMMENT ON INDEX likeness.canonical_products_pkey IS 'Serves every join to canonical_products.';

COMMENT ON INDEX likeness.datasets_pkey IS 'Serves every join to datasets.';

CREATE INDEX datasets_supplier_idx ON likeness.datasets USING btree (supplier_id, id DESC);

COMMENT ON INDEX likeness.datasets_supplier_idx IS 'Serves activate_dataset() and the foreign key of suppliers.';

COMMENT ON INDEX likeness.failure_reasons_pkey IS 'Serves failures_by_reason and the foreign key of images.';

COMMENT ON INDEX likeness.hosts_host_key IS 'Serves queue_images().';

COMMENT ON INDEX likeness.hosts_pkey IS 'Serves claim_images() and finish_images().';

CREATE INDEX hosts_ready_idx ON likeness.hosts USING btree (best_priority DESC, ready_at, id) WHERE ((ready_at IS NOT NULL) AND (NOT paused));

COMMENT ON INDEX likeness.hosts_ready_idx IS 'Serves claim_images(): hosts that may be called now.';

CREATE INDEX image_history_blob_idx ON likeness.image_history USING btree (blob_sha256) WHERE (blob_sha256 IS NOT NULL);

COMMENT ON INDEX likeness.image_history_blob_idx IS 'Serves garbage collection and the foreign key of blobs.';

CREATE INDEX image_history_image_idx ON likeness.image_history USING btree (image_id, shown_at DESC, id DESC);

COMMENT ON INDEX likeness.image_history_image_idx IS 'Serves the view as of a time and rollback.';

COMMENT ON INDEX likeness.image_history_pkey IS 'Keeps rows of one instant in the order in which they were written.';

COMMENT ON INDEX likeness.image_moves_pkey IS 'Serves the trigger images__check_move.';

CREATE INDEX images_blob_idx ON likeness.images USING btree (blob_sha256) WHERE (blob_sha256 IS NOT NULL);

COMMENT ON INDEX likeness.images_blob_idx IS 'Serves garbage collection and the foreign key of blobs.';

CREATE INDEX images_claimable_idx ON likeness.images USING btree (host_id, priority DESC, queued_at, id) WHERE ((queued_at IS NOT NULL) AND (retry_at IS NULL));

COMMENT ON INDEX likeness.images_claimable_idx IS 'Serves claim_images(): the best waiting pictures of one host.';

CREATE INDEX images_failed_idx ON likeness.images USING btree (failure_reason, id) WHERE (failure_reason IS NOT NULL);

COMMENT ON INDEX likeness.images_failed_idx IS 'Serves failures_by_reason and the foreign key of failure_reasons.';

CREATE INDEX images_fetch_url_idx ON likeness.images USING hash (fetch_url);

COMMENT ON INDEX likeness.images_fetch_url_idx IS 'Serves find_image_by_url(): GET /api/images/serve?url=.';

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

COMMENT ON INDEX likeness.one_canonical_image_a_position IS 'Serves resolve_display_urls() for shared pictures and the foreign key of canonical_products.';

COMMENT ON INDEX likeness.one_image_a_position IS 'Serves resolve_display_urls() and the foreign key of products.';

COMMENT ON INDEX likeness.periodic_runs_pkey IS 'Serves end_periodic().';

CREATE INDEX periodic_runs_running_idx ON likeness.periodic_runs USING btree (task) WHERE (status = 'running'::text);

COMMENT ON INDEX likeness.periodic_runs_running_idx IS 'Serves begin_periodic(): runs that a dead process left.';

CREATE INDEX periodic_runs_task_idx ON likeness.periodic_runs USING btree (task, id DESC);

COMMENT ON INDEX likeness.periodic_runs_task_idx IS 'Serves periodic_work and the foreign key of periodic_tasks.';

COMMENT ON INDEX likeness.periodic_tasks_pkey IS 'Serves begin_periodic() and end_periodic().';

CREATE INDEX permits_expires_at_idx ON likeness.permits USING btree (expires_at);

COMMENT ON INDEX likeness.permits_expires_at_idx IS 'Serves forget_permits().';

COMMENT ON INDEX likeness.permits_pkey IS 'Serves take_permit().';

COMMENT ON INDEX likeness.presets_pkey IS 'Serves the worker at its start.';

CREATE INDEX products_canonical_idx ON likeness.products USING btree (canonical_product_id) WHERE (canonical_product_id IS NOT NULL);

COMMENT ON INDEX likeness.products_canonical_idx IS 'Serves the foreign key of canonical_products and its shared pictures.';

CREATE INDEX products_dataset_idx ON likeness.products USING btree (dataset_id);

COMMENT ON INDEX likeness.products_dataset_idx IS 'Serves activate_dataset() and the foreign key of datasets.';

COMMENT ON INDEX likeness.products_pkey IS 'Serves resolve_display_urls().';

COMMENT ON INDEX likeness.products_supplier_id_sku_key IS 'Serves merge_feed() and the stable alias.';

COMMENT ON INDEX likeness.purged_blobs_pkey IS 'Serves begin_blobs() and finish_images().';

COMMENT ON INDEX likeness.queue_control_pkey IS 'Serves claim_images().';

CREATE INDEX rendition_queue_claimed_idx ON likeness.rendition_queue USING btree (claimed_by) WHERE (claimed_by IS NOT NULL);

COMMENT ON INDEX likeness.rendition_queue_claimed_idx IS 'Serves extend_claims() and stop_worker().';

CREATE INDEX rendition_queue_failed_idx ON likeness.rendition_queue USING btree (failure_reason) WHERE (failure_reason IS NOT NULL);

COMMENT ON INDEX likeness.rendition_queue_failed_idx IS 'Serves rendition_backlog and the foreign key of failure_reasons.';

COMMENT ON INDEX likeness.rendition_queue_pkey IS 'Serves finish_renditions() and the foreign key of blobs.';

CREATE INDEX rendition_queue_ready_idx ON likeness.rendition_queue USING btree (ready_at) WHERE (status = 'waiting'::text);

COMMENT ON INDEX likeness.rendition_queue_ready_idx IS 'Serves claim_renditions(): the oldest that may be claimed.';

COMMENT ON INDEX likeness.runs_pkey IS 'Serves run_status and finish_images().';

COMMENT ON INDEX likeness.schema_code_pkey IS 'Keeps the table at one row.';

COMMENT ON INDEX likeness.schema_migrations_pkey IS 'Serves the migrator: is this file applied?';

CREATE UNIQUE INDEX service_keys_name_key ON likeness.service_keys USING btree (name) WHERE (revoked_at IS NULL);

COMMENT ON INDEX likeness.service_keys_name_key IS 'Keeps one living key a name.';

COMMENT ON INDEX likeness.service_keys_pkey IS 'Serves find_service_key().';

COMMENT ON INDEX likeness.supplier_credentials_pkey IS 'Serves claim_images() and image_source().';

COMMENT ON INDEX likeness.suppliers_name_key IS 'Serves ensure_supplier().';

COMMENT ON INDEX likeness.suppliers_pkey IS 'Serves every join to suppliers.';

COMMENT ON INDEX likeness.user_images_client_key_key IS 'Serves add_user_images(), and keeps a picture from being added twice.';

COMMENT ON INDEX likeness.user_images_pkey IS 'Serves list_user_images() and add_user_images().';

COMMENT ON INDEX likeness.worker_minutes_pkey IS 'Serves finish_images(), throughput and prune_history().';

COMMENT ON INDEX likeness.workers_pkey IS 'Serves beat_worker().';

ALTER TABLE ONLY likeness.datasets
    ADD CONSTRAINT datasets_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES likeness.suppliers(id) ON DELETE CASCADE;

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

ALTER TABLE ONLY likeness.periodic_runs
    ADD CONSTRAINT periodic_runs_task_fkey FOREIGN KEY (task) REFERENCES likeness.periodic_tasks(task) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.products
    ADD CONSTRAINT products_canonical_product_id_fkey FOREIGN KEY (canonical_product_id) REFERENCES likeness.canonical_products(id) ON DELETE SET NULL;

ALTER TABLE ONLY likeness.products
    ADD CONSTRAINT products_dataset_id_fkey FOREIGN KEY (dataset_id) REFERENCES likeness.datasets(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.products
    ADD CONSTRAINT products_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES likeness.suppliers(id) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.rendition_queue
    ADD CONSTRAINT rendition_queue_failure_reason_fkey FOREIGN KEY (failure_reason) REFERENCES likeness.failure_reasons(code);

ALTER TABLE ONLY likeness.rendition_queue
    ADD CONSTRAINT rendition_queue_sha256_fkey FOREIGN KEY (sha256) REFERENCES likeness.blobs(sha256) ON DELETE CASCADE;

ALTER TABLE ONLY likeness.supplier_credentials
    ADD CONSTRAINT supplier_credentials_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES likeness.suppliers(id) ON DELETE CASCADE;

ALTER TABLE likeness.user_images ENABLE ROW LEVEL SECURITY;

CREATE POLICY user_images_own ON likeness.user_images USING ((user_id = NULLIF(current_setting('likeness.user_id'::text, true), ''::text))) WITH CHECK ((user_id = NULLIF(current_setting('likeness.user_id'::text, true), ''::text)));

COMMENT ON POLICY user_images_own ON likeness.user_images IS 'Each user sees and adds own pictures alone.';

GRANT USAGE ON SCHEMA likeness TO likeness_reader;
GRANT USAGE ON SCHEMA likeness TO likeness_app;

GRANT SELECT ON TABLE likeness.images TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.images TO likeness_app;

GRANT SELECT ON TABLE likeness.runs TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.runs TO likeness_app;

GRANT SELECT ON TABLE likeness.hosts TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.hosts TO likeness_app;

GRANT SELECT ON TABLE likeness.queue_control TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.queue_control TO likeness_app;

GRANT SELECT ON TABLE likeness.workers TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.workers TO likeness_app;

GRANT SELECT ON TABLE likeness.products TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.products TO likeness_app;

GRANT SELECT ON TABLE likeness.suppliers TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.suppliers TO likeness_app;

GRANT SELECT ON TABLE likeness.permits TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.permits TO likeness_app;

GRANT SELECT ON TABLE likeness.datasets TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.datasets TO likeness_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.supplier_credentials TO likeness_app;

GRANT SELECT ON TABLE likeness.image_history TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.image_history TO likeness_app;

GRANT SELECT,INSERT ON TABLE likeness.user_images TO likeness_app;

GRANT SELECT ON TABLE likeness.blobs TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.blobs TO likeness_app;

GRANT SELECT ON TABLE likeness.failure_reasons TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.failure_reasons TO likeness_app;

GRANT SELECT ON TABLE likeness.periodic_tasks TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.periodic_tasks TO likeness_app;

GRANT SELECT ON TABLE likeness.rendition_queue TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.rendition_queue TO likeness_app;

GRANT SELECT ON TABLE likeness.canonical_products TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.canonical_products TO likeness_app;

GRANT SELECT ON TABLE likeness.worker_minutes TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.worker_minutes TO likeness_app;

GRANT SELECT ON TABLE likeness.image_moves TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.image_moves TO likeness_app;

GRANT SELECT ON TABLE likeness.periodic_runs TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.periodic_runs TO likeness_app;

GRANT SELECT ON TABLE likeness.presets TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.presets TO likeness_app;

GRANT SELECT ON TABLE likeness.purged_blobs TO likeness_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE likeness.purged_blobs TO likeness_app;

GRANT SELECT ON TABLE likeness.schema_code TO likeness_reader;
GRANT SELECT ON TABLE likeness.schema_code TO likeness_app;

GRANT SELECT ON TABLE likeness.schema_migrations TO likeness_reader;
GRANT SELECT ON TABLE likeness.schema_migrations TO likeness_app;
