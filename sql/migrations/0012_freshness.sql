-- Whether pictures are still what their sources show: checks that do not disturb what is shown, and what they teach.

-- squawk-ignore-file constraint-missing-not-valid
alter table likeness.images
  add column is_check boolean not null default false,
  add column is_forced boolean not null default false,
  -- It is added again, wider, in the same statement.
  -- squawk-ignore ban-drop-constraint
  drop constraint only_waiting_is_queued,
  add constraint only_waiting_is_queued check (queued_at is null or status in ('pending', 'outdated') or (status = 'completed' and is_check)),
  add constraint check_is_of_something_shown check (not is_check or (status in ('completed', 'processing') and blob_sha256 is not null));
comment on column likeness.images.is_check is 'It is queued or in hand only to see whether its source has changed: what it shows counts as true meanwhile, and whatever comes of it, it stays completed.';
comment on column likeness.images.is_forced is 'Its next fetch asks without validators, so that bytes come whatever the source says of them; ends with that fetch.';

insert into likeness.image_moves (from_status, to_status, cause) values
  ('completed', 'processing', 'claim_images(): a check');

alter type likeness.outcome
  add attribute is_conditional boolean,
  add attribute said_unmodified boolean;
comment on column likeness.outcome.is_conditional is 'The request carried validators.';
comment on column likeness.outcome.said_unmodified is 'The source said that nothing had changed; with a sha256 beside it, it was asked again without validators (an audit).';

create table likeness.image_freshness (
  image_id bigint constraint image_freshness_pkey primary key constraint image_freshness_image_id_fkey references likeness.images on delete cascade,
  next_check_at timestamptz,
  checks int not null default 0,
  changes int not null default 0,
  failed_checks smallint not null default 0 constraint failed_checks_are_counted_up check (failed_checks >= 0),
  shape real not null default 0 constraint shape_is_not_negative check (shape >= 0),
  quiet_days real not null default 0 constraint quiet_days_are_not_negative check (quiet_days >= 0),
  checked_at timestamptz not null,
  seen_at timestamptz not null,
  changed_at timestamptz,
  viewed_at timestamptz,
  suspicion real not null default 0 constraint suspicion_is_a_probability check (suspicion between 0 and 1),
  suspected_with text constraint suspected_with_is_known check (suspected_with in ('product', 'row')),
  failure_text text,
  constraint suspicion_says_with_whom check ((suspicion > 0) = (suspected_with is not null))
) with (fillfactor = 70);
comment on table likeness.image_freshness is 'What is known of how often the source of a picture changes, and when it is looked at next. A row for each picture that was ever completed.';
comment on column likeness.image_freshness.image_id is 'The picture.';
comment on column likeness.image_freshness.next_check_at is 'When its source should be looked at next; null: not planned yet.';
comment on column likeness.image_freshness.checks is 'Looks at its source that were answered, since it was first completed.';
comment on column likeness.image_freshness.changes is 'Looks that found other bytes.';
comment on column likeness.image_freshness.failed_checks is 'Checks without an answer since the last answer.';
comment on column likeness.image_freshness.shape is 'Evidence of changes: what its looks add to the shape of the supplier''s gamma distribution of rates. Fractions come from changes that may have been several.';
comment on column likeness.image_freshness.quiet_days is 'Evidence of quiet: days that its looks add to the same distribution.';
comment on column likeness.image_freshness.checked_at is 'When its source last answered.';
comment on column likeness.image_freshness.seen_at is 'When its bytes were last fetched, which no validator can feign.';
comment on column likeness.image_freshness.changed_at is 'When a look last found other bytes.';
comment on column likeness.image_freshness.viewed_at is 'When somebody was last shown it, to the hour.';
comment on column likeness.image_freshness.suspicion is 'How probable a change is because a neighbour was found changed; 0 after the next look.';
comment on column likeness.image_freshness.suspected_with is 'The neighbour: product (another picture of the product) or row (one of a product imported beside it).';
comment on column likeness.image_freshness.failure_text is 'Why the last check had no answer.';
comment on index likeness.image_freshness_pkey is 'Serves learn_freshness() and the foreign key of images.';

create index image_freshness_due_idx on likeness.image_freshness (next_check_at) where next_check_at is not null;
comment on index likeness.image_freshness_due_idx is 'Serves queue_checks(): the pictures that are due.';

create table likeness.supplier_rates (
  supplier_id bigint constraint supplier_rates_pkey primary key constraint supplier_rates_supplier_id_fkey references likeness.suppliers on delete cascade,
  shape real not null constraint supplier_shape_is_positive check (shape > 0),
  days real not null constraint supplier_days_are_positive check (days > 0),
  images int not null default 0,
  mate_checks real not null default 0,
  mate_changes real not null default 0,
  row_checks real not null default 0,
  row_changes real not null default 0,
  news_hits real not null default 0,
  news_misses real not null default 0,
  news_days real,
  news_at timestamptz,
  fitted_at timestamptz
);
comment on table likeness.supplier_rates is 'How the change rates of a supplier''s pictures are distributed: a gamma distribution with the mean shape/days changes a day, fitted daily by plan_checks().';
comment on column likeness.supplier_rates.supplier_id is 'The supplier.';
comment on column likeness.supplier_rates.shape is 'Shape: the smaller, the more its pictures differ from each other.';
comment on column likeness.supplier_rates.days is 'Rate parameter in days.';
comment on column likeness.supplier_rates.images is 'Pictures that it was fitted to.';
comment on column likeness.supplier_rates.mate_checks is 'Looks at pictures because another one of their product had changed.';
comment on column likeness.supplier_rates.mate_changes is 'Of these, those that had changed too.';
comment on column likeness.supplier_rates.row_checks is 'Looks at pictures because a product imported beside theirs had changed.';
comment on column likeness.supplier_rates.row_changes is 'Of these, those that had changed too.';
comment on column likeness.supplier_rates.news_hits is 'Changes that its feed told of (media_changed_at) before a look found them.';
comment on column likeness.supplier_rates.news_misses is 'Changes that a look found after a feed had been silent about them; fractions where nobody knows whether they were before the feed.';
comment on column likeness.supplier_rates.news_days is 'Days between its feeds, lately.';
comment on column likeness.supplier_rates.news_at is 'When a feed last told of nearly all its products when their pictures changed: a look at all of them for nothing, as far as it hits.';
comment on column likeness.supplier_rates.fitted_at is 'When it was last fitted; null: not yet.';
comment on index likeness.supplier_rates_pkey is 'Serves queue_checks() and learn_freshness().';

create table likeness.host_validators (
  host_id bigint constraint host_validators_pkey primary key constraint host_validators_host_id_fkey references likeness.hosts on delete cascade,
  trust text not null default 'untested' constraint trust_is_known check (trust in ('untested', 'honest', 'noisy', 'lying')),
  checks bigint not null default 0,
  unmodified bigint not null default 0,
  proofs bigint not null default 0,
  audits bigint not null default 0,
  lies bigint not null default 0,
  noises bigint not null default 0,
  proofs_since_lie int not null default 0,
  last_lie_at timestamptz,
  revised_at timestamptz,
  updated_at timestamptz not null
) with (fillfactor = 50);
comment on table likeness.host_validators is 'What the validators of a host (ETag, Last-Modified; size and time of FTP) are worth, as its answers showed.';
comment on column likeness.host_validators.host_id is 'The host.';
comment on column likeness.host_validators.trust is 'untested, honest (it told of changes), noisy (validators change though the bytes do not) or lying (bytes change though the validators do not: asked without them).';
comment on column likeness.host_validators.checks is 'Looks at pictures that were known already.';
comment on column likeness.host_validators.unmodified is 'Of these, answered by "not modified".';
comment on column likeness.host_validators.proofs is 'Changes that the validators told of.';
comment on column likeness.host_validators.audits is 'Times that bytes were fetched to see what the validators are worth: without them, or after "not modified".';
comment on column likeness.host_validators.lies is 'Changes that the validators hid.';
comment on column likeness.host_validators.noises is 'Looks that brought the same bytes under other validators.';
comment on column likeness.host_validators.proofs_since_lie is 'Changes since the last lie that came with other validators: five make it untested again.';
comment on column likeness.host_validators.last_lie_at is 'When the last lie was found.';
comment on column likeness.host_validators.revised_at is 'When the pictures that were believed because of lies were last made due: revise_checks().';
comment on column likeness.host_validators.updated_at is 'When this row last changed.';
comment on index likeness.host_validators_pkey is 'Serves claim_images() and learn_freshness().';

create table likeness.check_hours (
  hour_at timestamptz not null,
  worker text not null,
  checks int not null default 0,
  requests int not null default 0,
  unmodified int not null default 0,
  same int not null default 0,
  changed int not null default 0,
  failed int not null default 0,
  bytes bigint not null default 0,
  constraint check_hours_pkey primary key (hour_at, worker)
) with (fillfactor = 50);
comment on table likeness.check_hours is 'What the checks of each hour cost and found. A row a worker: no two of them wait for each other to count.';
comment on column likeness.check_hours.hour_at is 'The beginning of the hour.';
comment on column likeness.check_hours.worker is 'The worker, as in images.claimed_by.';
comment on column likeness.check_hours.checks is 'Checks that ended.';
comment on column likeness.check_hours.requests is 'Requests that they took: an audit takes two.';
comment on column likeness.check_hours.unmodified is 'The source said that nothing had changed.';
comment on column likeness.check_hours.same is 'Bytes came, and were the same.';
comment on column likeness.check_hours.changed is 'Other bytes came.';
comment on column likeness.check_hours.failed is 'No usable answer came.';
comment on column likeness.check_hours.bytes is 'Bytes fetched.';
comment on index likeness.check_hours_pkey is 'Serves learn_freshness(), freshness_status and plan_checks().';

create table likeness.check_plan (
  is_only_row boolean constraint check_plan_pkey primary key default true constraint there_is_one_plan check (is_only_row),
  price real not null default 1 constraint price_is_positive check (price > 0),
  requests_a_day int not null default 0,
  bytes_a_day bigint not null default 0,
  request_tokens real not null default 0,
  byte_tokens double precision not null default 0,
  images int not null default 0,
  planned_to bigint not null default 0,
  planned_at timestamptz,
  paced_at timestamptz
);
comment on table likeness.check_plan is 'The plan of the freshness checks, in one row: what a check must be worth, and what may be spent now.';
comment on column likeness.check_plan.is_only_row is 'Keeps it one row.';
comment on column likeness.check_plan.price is 'What a check must be worth (check_value(), in days) to be made; the plan sets it so that the budget is spent.';
comment on column likeness.check_plan.requests_a_day is 'Budget of requests a day.';
comment on column likeness.check_plan.bytes_a_day is 'Budget of bytes a day.';
comment on column likeness.check_plan.request_tokens is 'Requests that may be spent now; grows evenly through the day up to the sum of two hours.';
comment on column likeness.check_plan.byte_tokens is 'Bytes that may be spent now, likewise.';
comment on column likeness.check_plan.images is 'Pictures that the plan is for.';
comment on column likeness.check_plan.planned_to is 'The last picture whose time the running plan has set; 0: it is done.';
comment on column likeness.check_plan.planned_at is 'When the plan was last begun.';
comment on column likeness.check_plan.paced_at is 'When the tokens last grew.';
comment on index likeness.check_plan_pkey is 'Serves queue_checks().';
insert into likeness.check_plan (is_only_row) values (true);

-- What was completed before is checked from now on.
insert into likeness.image_freshness (image_id, checked_at, seen_at)
select i.id, i.mirrored_at, i.mirrored_at from likeness.images i where i.blob_sha256 is not null;

create type likeness.look as (
  image_id bigint,
  host_id bigint,
  supplier_id bigint,
  product_id bigint,
  is_check boolean,
  result text,
  is_conditional boolean,
  said_unmodified boolean,
  has_same_validators boolean,
  requests int,
  bytes bigint,
  changed_at timestamptz,
  was_announced boolean,
  is_permanent boolean,
  failure_text text
);
comment on type likeness.look is 'What one fetch says about its source: made by judge_looks(), read by learn_freshness().';
comment on column likeness.look.image_id is 'The picture.';
comment on column likeness.look.host_id is 'Its host.';
comment on column likeness.look.supplier_id is 'Its supplier; null: a shared picture.';
comment on column likeness.look.product_id is 'Its product; null: a shared picture.';
comment on column likeness.look.is_check is 'It was a check; otherwise the picture was known to be stale.';
comment on column likeness.look.result is 'first (nothing to compare with), unmodified, same, changed or failed.';
comment on column likeness.look.is_conditional is 'The request carried validators.';
comment on column likeness.look.said_unmodified is 'The source said that nothing had changed, whether or not that was true.';
comment on column likeness.look.has_same_validators is 'The validators are those of the last time; null: there are none.';
comment on column likeness.look.requests is 'Requests that it took.';
comment on column likeness.look.bytes is 'Bytes fetched.';
comment on column likeness.look.changed_at is 'When the source says that it last changed, where that is news.';
comment on column likeness.look.was_announced is 'The feed had told of the change.';
comment on column likeness.look.is_permanent is 'It failed, and trying again is no use.';
comment on column likeness.look.failure_text is 'The failure in words.';
