-- What is sold: datasets, products, and the real-world products that stores share.

create table likeness.datasets (
  id bigint generated always as identity constraint datasets_pkey primary key,
  status text not null default 'draft' constraint dataset_status_is_known check (status in ('draft', 'active', 'retired')),
  supplier_id bigint not null constraint datasets_supplier_id_fkey references likeness.suppliers on delete cascade,
  name text not null constraint dataset_has_a_name check (name <> ''),
  priority smallint not null default 0 constraint dataset_priority_is_a_class check (priority between 0 and 1),
  created_at timestamptz not null default now(),
  activated_at timestamptz,
  retired_at timestamptz,
  image_url_prefix text constraint prefix_is_absolute check (image_url_prefix ~* '^(https?|ftps?)://[^/?#]+'),
  constraint draft_was_never_activated check ((status = 'draft') = (activated_at is null)),
  constraint retired_says_when check ((status = 'retired') = (retired_at is not null))
);
comment on table likeness.datasets is 'One import of a supplier''s feed: draft, then active (its pictures are queued), then retired.';
comment on column likeness.datasets.id is 'Key.';
comment on column likeness.datasets.status is 'draft, active or retired.';
comment on column likeness.datasets.supplier_id is 'Whose feed it is.';
comment on column likeness.datasets.name is 'For people; the file''s name by default.';
comment on column likeness.datasets.priority is 'Least priority class of its pictures: 1 popular, 0 rest.';
comment on column likeness.datasets.created_at is 'When the import began.';
comment on column likeness.datasets.activated_at is 'When activate_dataset() queued its pictures.';
comment on column likeness.datasets.retired_at is 'When a later import took over its last product.';
comment on column likeness.datasets.image_url_prefix is 'Base that relative picture paths of the feed are joined to.';
comment on index likeness.datasets_pkey is 'Serves every join to datasets.';

create index datasets_supplier_idx on likeness.datasets (supplier_id, id desc);
comment on index likeness.datasets_supplier_idx is 'Serves activate_dataset() and the foreign key of suppliers.';

create table likeness.canonical_products (
  id bigint generated always as identity constraint canonical_products_pkey primary key,
  name text not null,
  brand text,
  gtin text constraint canonical_products_gtin_key unique constraint canonical_gtin_has_14_digits check (gtin ~ '^[0-9]{14}$'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table likeness.canonical_products is 'One real-world product that the products of several stores stand for.';
comment on column likeness.canonical_products.id is 'Key.';
comment on column likeness.canonical_products.name is 'Name shown to reviewers.';
comment on column likeness.canonical_products.brand is 'Brand, where known.';
comment on column likeness.canonical_products.gtin is 'Barcode as 14 digits, where known.';
comment on column likeness.canonical_products.created_at is 'When the row was made.';
comment on column likeness.canonical_products.updated_at is 'When the row was last changed.';
comment on index likeness.canonical_products_pkey is 'Serves every join to canonical_products.';
comment on index likeness.canonical_products_gtin_key is 'Serves the match by barcode.';

create table likeness.products (
  id bigint generated always as identity constraint products_pkey primary key,
  status text not null default 'active' constraint product_status_is_known check (status in ('active', 'inactive', 'deleted')),
  supplier_id bigint not null constraint products_supplier_id_fkey references likeness.suppliers on delete cascade,
  dataset_id bigint not null constraint products_dataset_id_fkey references likeness.datasets on delete cascade,
  sku text not null constraint product_has_a_sku check (sku <> ''),
  canonical_product_id bigint constraint products_canonical_product_id_fkey references likeness.canonical_products on delete set null,
  use_custom_image boolean not null default false,
  name text not null default '',
  brand text,
  gtin text constraint gtin_has_14_digits check (gtin ~ '^[0-9]{14}$'),
  gtin_raw text,
  mpn text,
  size text,
  price numeric(14, 4),
  media_changed_at timestamptz,
  status_changed_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  product_url text,
  constraint products_supplier_id_sku_key unique (supplier_id, sku)
);
comment on table likeness.products is 'A supplier''s or a store''s product, as its feed tells it.';
comment on column likeness.products.id is 'Key; what a frontend asks for.';
comment on column likeness.products.status is 'active, inactive or deleted; only the pictures of active products are fetched.';
comment on column likeness.products.supplier_id is 'Whose product it is.';
comment on column likeness.products.dataset_id is 'The import that last told of it.';
comment on column likeness.products.sku is 'The supplier''s own number, as text.';
comment on column likeness.products.canonical_product_id is 'The real-world product it stands for, once matched.';
comment on column likeness.products.use_custom_image is 'The store wants its own picture even where a shared one exists.';
comment on column likeness.products.name is 'Name; also the alternative text of its pictures.';
comment on column likeness.products.brand is 'Brand, where the feed gives it.';
comment on column likeness.products.gtin is 'Barcode as 14 digits with a correct check digit, or null.';
comment on column likeness.products.gtin_raw is 'Barcode as the feed gave it.';
comment on column likeness.products.mpn is 'The manufacturer''s part number, where the feed gives it.';
comment on column likeness.products.size is 'Size or content, where the feed gives it.';
comment on column likeness.products.price is 'Price, where the feed gives it; used as evidence in matching only.';
comment on column likeness.products.media_changed_at is 'When the feed says that its pictures last changed.';
comment on column likeness.products.status_changed_at is 'When status last changed.';
comment on column likeness.products.created_at is 'When it was first imported.';
comment on column likeness.products.updated_at is 'When an import last changed it.';
comment on column likeness.products.product_url is 'Page of the product at its supplier; sent as Referer where request_headers says so.';
comment on index likeness.products_pkey is 'Serves resolve_display_urls().';
comment on index likeness.products_supplier_id_sku_key is 'Serves merge_feed() and the stable alias.';

create index products_dataset_idx on likeness.products (dataset_id);
comment on index likeness.products_dataset_idx is 'Serves activate_dataset() and the foreign key of datasets.';
create index products_canonical_idx on likeness.products (canonical_product_id) where canonical_product_id is not null;
comment on index likeness.products_canonical_idx is 'Serves the foreign key of canonical_products and its shared pictures.';
