-- The rows of the tables that an import works in. Each import has temporary tables of its own of these
-- types (see open_feed), so that two imports never meet, a crash leaves nothing behind, and no rights
-- beyond the database's TEMP are needed to gather statistics on them.

create type likeness.feed_row as (
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
  picture_order int,
  pictures text[]
);
comment on type likeness.feed_row is 'One good row of a feed file, as COPY brings it. Null: the feed does not speak of it, keep what there is; empty: the feed says that there is none.';
comment on column likeness.feed_row.line is 'Line of the file that the row begins in, counted from 1.';
comment on column likeness.feed_row.sku is 'The supplier''s own number; the same in further rows that only bring more pictures.';
comment on column likeness.feed_row.product_status is 'active, inactive or deleted.';
comment on column likeness.feed_row.name is 'Name.';
comment on column likeness.feed_row.brand is 'Brand.';
comment on column likeness.feed_row.gtin_raw is 'Barcode as the feed gives it.';
comment on column likeness.feed_row.mpn is 'The manufacturer''s part number.';
comment on column likeness.feed_row.size is 'Size or content.';
comment on column likeness.feed_row.price is 'A decimal number as text, or empty.';
comment on column likeness.feed_row.media_changed is 'Time in ISO 8601 with zone as text, or empty.';
comment on column likeness.feed_row.product_url is 'Page of the product.';
comment on column likeness.feed_row.picture_order is 'Place of the row''s pictures among those of all rows of its sku; null: as they come.';
comment on column likeness.feed_row.pictures is 'Addresses or paths of pictures, the hero first.';

create type likeness.feed_product as (
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
  price numeric(14, 4),
  media_changed_at timestamptz,
  product_url text
);
comment on type likeness.feed_product is 'One product of a feed as it will be, beside what it is now.';
comment on column likeness.feed_product.line is 'Line of its first row.';
comment on column likeness.feed_product.product_id is 'The product; null: new.';
comment on column likeness.feed_product.dataset_id is 'The dataset it is in now.';
comment on column likeness.feed_product.is_changed is 'Some column of products will differ.';
comment on column likeness.feed_product.is_leaving is 'It is active now and will not be.';
comment on column likeness.feed_product.has_new_media is 'The feed says that its pictures changed since the last import.';
comment on column likeness.feed_product.has_pictures is 'The feed tells its list of pictures; false: keep those there are.';
comment on column likeness.feed_product.sku is 'The supplier''s own number.';
comment on column likeness.feed_product.product_status is 'products.status to be.';
comment on column likeness.feed_product.name is 'products.name to be.';
comment on column likeness.feed_product.brand is 'products.brand to be.';
comment on column likeness.feed_product.gtin is 'products.gtin to be.';
comment on column likeness.feed_product.gtin_raw is 'products.gtin_raw to be.';
comment on column likeness.feed_product.mpn is 'products.mpn to be.';
comment on column likeness.feed_product.size is 'products.size to be.';
comment on column likeness.feed_product.price is 'products.price to be.';
comment on column likeness.feed_product.media_changed_at is 'products.media_changed_at to be.';
comment on column likeness.feed_product.product_url is 'products.product_url to be.';

create type likeness.feed_picture as (
  line bigint,
  row_line bigint,
  position int,
  source_url text,
  source_key text
);
comment on type likeness.feed_picture is 'One picture of a feed at its place, duplicates left out.';
comment on column likeness.feed_picture.line is 'Line of the first row of its product.';
comment on column likeness.feed_picture.row_line is 'Line of the row that brings it.';
comment on column likeness.feed_picture.position is 'Order among the pictures of its product; 0 comes first.';
comment on column likeness.feed_picture.source_url is 'Address or path as the feed gives it.';
comment on column likeness.feed_picture.source_key is 'The same without what makes no difference.';

create type likeness.feed_pair as (
  product_id bigint,
  image_id bigint,
  position int,
  old_position int,
  source_url text
);
comment on type likeness.feed_pair is 'A picture of a product whose list of pictures changed: as it is, beside the feed''s picture of the same address.';
comment on column likeness.feed_pair.product_id is 'Its product.';
comment on column likeness.feed_pair.image_id is 'The row of images; null: no picture has this address yet.';
comment on column likeness.feed_pair.position is 'Its place in the feed; null: the feed has it no more.';
comment on column likeness.feed_pair.old_position is 'Its place now; null: it is not there yet.';
comment on column likeness.feed_pair.source_url is 'Its source in the feed.';

create type likeness.feed_change as (
  image_id bigint,
  product_id bigint,
  position int,
  source_url text
);
comment on type likeness.feed_change is 'What becomes of one picture of a product whose list of pictures changed.';
comment on column likeness.feed_change.image_id is 'The row of images; null: it is to be made.';
comment on column likeness.feed_change.product_id is 'Its product.';
comment on column likeness.feed_change.position is 'Its place to be; null: it is to go.';
comment on column likeness.feed_change.source_url is 'Its source to be; null: the same.';

create type likeness.feed_stale as (
  image_id bigint,
  has_new_address boolean
);
comment on type likeness.feed_stale is 'A picture that stays, and that has to be fetched afresh.';
comment on column likeness.feed_stale.image_id is 'The row of images.';
comment on column likeness.feed_stale.has_new_address is 'Its address is another now; false: only the feed says that the picture changed.';
