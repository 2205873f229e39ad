-- Where pictures come from: suppliers, their hosts, and why a picture may fail.

create table likeness.suppliers (
  id bigint generated always as identity constraint suppliers_pkey primary key,
  name text not null constraint suppliers_name_key unique constraint supplier_has_a_name check (name <> ''),
  priority smallint not null default 0 constraint supplier_priority_is_a_class check (priority between 0 and 1),
  hide_origin boolean not null default false,
  while_pending text not null default 'proxy' constraint while_pending_is_known check (while_pending in ('proxy', 'direct', 'none')),
  max_attempts smallint not null default 3 constraint attempts_are_positive check (max_attempts between 1 and 20),
  host_max_in_flight smallint not null default 2 constraint supplier_in_flight_is_positive check (host_max_in_flight > 0),
  host_min_interval interval not null default '50 milliseconds' constraint supplier_interval_is_not_negative check (host_min_interval >= interval '0'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  formats text[] not null default '{jpeg,png,webp,avif,gif}',
  allowed_hosts text[] not null default '{}',
  allowed_ports int[] not null default '{}',
  request_headers jsonb not null default '{}' constraint headers_are_an_object check (jsonb_typeof(request_headers) = 'object'),
  constraint hidden_origin_is_never_direct check (not (hide_origin and while_pending = 'direct'))
);
comment on table likeness.suppliers is 'Where feeds come from, and how to behave towards each.';
comment on column likeness.suppliers.id is 'Key.';
comment on column likeness.suppliers.name is 'Name used on the command line and in the API.';
comment on column likeness.suppliers.priority is 'Least priority class of its pictures: 1 popular, 0 rest.';
comment on column likeness.suppliers.hide_origin is 'Its URLs are never shown to anybody outside: only renditions and the proxy.';
comment on column likeness.suppliers.while_pending is 'What is shown before a picture is mirrored: proxy, direct (https sources only), or none.';
comment on column likeness.suppliers.max_attempts is 'Claims of one picture that may end in a fault of the source before it is failed.';
comment on column likeness.suppliers.host_max_in_flight is 'Given to each new host of this supplier: most pictures fetched at once.';
comment on column likeness.suppliers.host_min_interval is 'Given to each new host of this supplier: least time between two claims.';
comment on column likeness.suppliers.created_at is 'When the row was made.';
comment on column likeness.suppliers.updated_at is 'When the row was last changed.';
comment on column likeness.suppliers.formats is 'Picture formats it may send, by content; others fail as unsupported-format.';
comment on column likeness.suppliers.allowed_hosts is 'Exact hosts or .suffixes that its pictures may live on; empty: any public host.';
comment on column likeness.suppliers.allowed_ports is 'Ports its servers may use; empty: the setting LIKENESS_ALLOWED_PORTS.';
comment on column likeness.suppliers.request_headers is 'Headers of each request (Accept, User-Agent, Referer, X-Store-Id ...); {product_url} and {sku} are replaced.';
comment on index likeness.suppliers_pkey is 'Serves every join to suppliers.';
comment on index likeness.suppliers_name_key is 'Serves ensure_supplier().';

create table likeness.hosts (
  id bigint generated always as identity constraint hosts_pkey primary key,
  host text not null constraint hosts_host_key unique constraint host_is_lower_case check (host = lower(host) and host <> ''),
  paused boolean not null default false,
  max_in_flight smallint not null default 2 constraint in_flight_is_positive check (max_in_flight > 0),
  min_interval interval not null default '50 milliseconds' constraint interval_is_not_negative check (min_interval >= interval '0'),
  consecutive_faults int not null default 0 constraint faults_are_not_negative check (consecutive_faults >= 0),
  blocked_until timestamptz,
  blocked_reason text,
  ready_at timestamptz,
  parked_for text default 'empty' constraint parked_for_is_known check (parked_for in ('empty', 'limit')),
  best_priority smallint not null default 0 constraint best_priority_is_a_class check (best_priority between 0 and 3),
  next_slot_at timestamptz,
  fetches bigint not null default 0,
  faults bigint not null default 0,
  bytes bigint not null default 0,
  latency_ms real,
  last_fault_at timestamptz,
  last_fetch_at timestamptz,
  created_at timestamptz not null default now(),
  constraint parked_host_is_not_ready check ((ready_at is null) = (parked_for is not null)),
  constraint blocked_host_has_a_reason check ((blocked_until is null) = (blocked_reason is null))
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
comment on table likeness.hosts is 'A source host, how gently to treat it, and when it may next be called. Small and hot: the first level of the claim.';
comment on column likeness.hosts.id is 'Key.';
comment on column likeness.hosts.host is 'Name in lower case, with the port where it is not the scheme''s own.';
comment on column likeness.hosts.paused is 'Switched off by a person.';
comment on column likeness.hosts.max_in_flight is 'Most pictures being fetched from it at once, over all workers.';
comment on column likeness.hosts.min_interval is 'Least time between two claims of its pictures.';
comment on column likeness.hosts.consecutive_faults is 'Faults of the host since its last answer; the breaker opens at 5.';
comment on column likeness.hosts.blocked_until is 'Not called before this: the breaker is open or it asked for a pause (Retry-After).';
comment on column likeness.hosts.blocked_reason is 'Why it is blocked.';
comment on column likeness.hosts.ready_at is 'When its next picture may be claimed; null while parked.';
comment on column likeness.hosts.parked_for is 'Why no claim looks at it: empty (nothing waits) or limit (max_in_flight is reached).';
comment on column likeness.hosts.best_priority is 'Best priority class among its waiting pictures.';
comment on column likeness.hosts.next_slot_at is 'Last claim plus min_interval.';
comment on column likeness.hosts.fetches is 'Answers so far.';
comment on column likeness.hosts.faults is 'Faults of the host so far.';
comment on column likeness.hosts.bytes is 'Bytes fetched so far.';
comment on column likeness.hosts.latency_ms is 'Moving average of one fetch, in milliseconds.';
comment on column likeness.hosts.last_fault_at is 'When it last failed.';
comment on column likeness.hosts.last_fetch_at is 'When it last answered.';
comment on column likeness.hosts.created_at is 'When it was first seen.';
comment on index likeness.hosts_pkey is 'Serves claim_images() and finish_images().';
comment on index likeness.hosts_host_key is 'Serves queue_images().';

create index hosts_ready_idx on likeness.hosts (best_priority desc, ready_at, id) where ready_at is not null and not paused;
comment on index likeness.hosts_ready_idx is 'Serves claim_images(): hosts that may be called now.';

create table likeness.failure_reasons (
  code text constraint failure_reasons_pkey primary key,
  is_permanent boolean not null,
  meaning text not null,
  hint text not null
);
comment on table likeness.failure_reasons is 'Why a picture can fail, in words.';
comment on column likeness.failure_reasons.code is 'Code kept in images.failure_reason.';
comment on column likeness.failure_reasons.is_permanent is 'Fails at once; otherwise it is tried again first.';
comment on column likeness.failure_reasons.meaning is 'What happened.';
comment on column likeness.failure_reasons.hint is 'What a person can do about it.';
comment on index likeness.failure_reasons_pkey is 'Serves failures_by_reason and the foreign key of images.';

insert into likeness.failure_reasons (code, is_permanent, meaning, hint) values
  ('relative-url-without-prefix', true, 'The feed gives a relative path and the dataset has no prefix.', 'Import again with --prefix URL.'),
  ('bad-url', true, 'The address is not an http, https or ftp URL.', 'Correct the feed.'),
  ('blocked-by-policy', true, 'The address leads to a host, port or network that is not allowed.', 'See likeness explain URL; allow the host or network if it is right.'),
  ('unresolvable', false, 'The host name could not be resolved.', 'Check the host name; DNS may be down.'),
  ('connection-refused', false, 'The host refused the connection.', 'Ask the supplier whether the server is up.'),
  ('connection-failed', false, 'The connection broke or TLS failed.', 'Ask the supplier whether the server is up.'),
  ('timeout', false, 'The host did not answer in time.', 'Ask the supplier whether the server is slow.'),
  ('deadline', false, 'The transfer did not end in time.', 'Raise LIKENESS_FETCH_DEADLINE_SECONDS if the host is known to be slow.'),
  ('not-found', true, 'The host says that there is no such picture (404).', 'Correct the feed.'),
  ('gone', true, 'The host says that the picture was withdrawn (410).', 'Correct the feed.'),
  ('forbidden', true, 'The host refuses access (401 or 403).', 'Check the supplier''s request_headers and credentials.'),
  ('rate-limited', false, 'The host asked for fewer requests (429).', 'Lower max_in_flight or raise min_interval of the host.'),
  ('server-error', false, 'The host failed (5xx).', 'Ask the supplier.'),
  ('http-error', true, 'The host answered with another error.', 'See failure_text for the status.'),
  ('too-many-redirects', true, 'The address redirects more than 3 times.', 'Correct the feed.'),
  ('too-large', true, 'The file is larger than the limit.', 'Raise LIKENESS_FETCH_MAX_BYTES if such files are wanted.'),
  ('truncated-body', false, 'The transfer ended before the promised length.', 'Ask the supplier whether the server is up.'),
  ('empty-body', true, 'The file is empty.', 'Tell the supplier.'),
  ('not-an-image', true, 'What came is not a picture.', 'Correct the feed; failure_text says what it was.'),
  ('unsupported-format', true, 'The picture''s format is not accepted from this supplier.', 'Add it to suppliers.formats if it can be rendered.'),
  ('corrupt-image', true, 'The picture is broken and cannot be decoded whole.', 'Tell the supplier.'),
  ('too-many-pixels', true, 'The picture has more pixels than the limit.', 'Raise LIKENESS_MAX_PIXELS if such pictures are wanted.'),
  ('too-many-frames', true, 'The animation has more frames than the limit.', 'Tell the supplier.'),
  ('too-many-scans', true, 'The progressive JPEG has more scans than any real photo.', 'Treat it as an attack.'),
  ('render-timeout', true, 'Decoding took longer than the limit.', 'Look at the picture; it may be an attack.'),
  ('render-crashed', true, 'Decoding killed its process.', 'Look at the picture; it may be an attack.'),
  ('render-out-of-memory', true, 'Decoding needed more memory than the limit.', 'Look at the picture; it may be an attack.'),
  ('ftp-error', false, 'The FTP server answered with an error.', 'See failure_text.'),
  ('store-error', false, 'The object store did not take the pictures.', 'Run likeness check.'),
  ('poison', true, 'Workers died while they had this picture in hand.', 'Look at the picture before retry_images().'),
  ('internal-error', false, 'Likeness itself failed.', 'See the worker''s log; report it.');
