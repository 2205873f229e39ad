-- Pictures that staff uploads and arranges, and what a resolver answer is made of, summed up on the bytes.

alter table likeness.blobs
  add column sizes jsonb not null default '{}' constraint sizes_are_an_object check (jsonb_typeof(sizes) = 'object'),
  add column srcset text not null default '{}';
comment on column likeness.blobs.sizes is 'What resolve_display_urls() reads of renditions: per preset its WebP file, width and height; under * any. Kept by a trigger.';
comment on column likeness.blobs.srcset is 'The same by format, as the JSON text of a srcset in which @ stands for the folder of the files. Kept by a trigger.';

-- Rewrites a row for each bytes that has renditions. The triggers keep it afterwards by sum_up_renditions().
update likeness.blobs b
   set sizes = (
         select coalesce(jsonb_object_agg(f.name, jsonb_build_array(f.file, f.width, f.height)), '{}')
           from (
             select distinct on (n.name) n.name, (r ->> 'recipe') || '.webp' as file, (r ->> 'width')::int as width, (r ->> 'height')::int as height
               from jsonb_array_elements(b.renditions) with ordinality x (r, turn)
              cross join lateral (values (r ->> 'preset'), ('*')) n (name)
              where r ->> 'format' = 'webp'
              order by n.name, x.turn) f),
       srcset = (
         select coalesce(jsonb_object_agg(f.format, f.candidates)::text, '{}')
           from (
             select d.format, string_agg('@' || d.file || ' ' || d.width || 'w', ', ' order by d.width) as candidates
               from (
                 select distinct on (r ->> 'format', (r ->> 'width')::int) r ->> 'format' as format, (r ->> 'width')::int as width,
                        (r ->> 'recipe') || '.' || case r ->> 'format' when 'jpeg' then 'jpg' else r ->> 'format' end as file
                   from jsonb_array_elements(b.renditions) with ordinality x (r, turn)
                  order by r ->> 'format', (r ->> 'width')::int, x.turn) d
              group by d.format) f)
 where b.renditions <> '[]';

alter table likeness.products
  add column is_curated boolean not null default false;
comment on column likeness.products.is_curated is 'Staff arranged its pictures: feeds still bring and take pictures, but move none.';

alter table likeness.images
  -- The column is new, so there is nothing to look through.
  -- squawk-ignore adding-foreign-key-constraint
  add column uploaded_sha256 text collate "C" constraint images_uploaded_sha256_fkey references likeness.blobs on delete set null;
comment on column likeness.images.uploaded_sha256 is 'The bytes that somebody uploaded for it, which the store has as an original; null: its source is elsewhere.';
-- squawk-ignore require-concurrent-index-creation
create index images_uploaded_idx on likeness.images (uploaded_sha256) where uploaded_sha256 is not null;
comment on index likeness.images_uploaded_idx is 'Serves garbage collection and the foreign key of blobs.';

create table likeness.removed_images (
  product_id bigint not null constraint removed_images_product_id_fkey references likeness.products on delete cascade,
  source_key text not null,
  removed_at timestamptz not null,
  source_url text not null,
  constraint removed_images_pkey primary key (product_id, source_key)
);
comment on table likeness.removed_images is 'Pictures of feeds that staff removed from a product: no import brings them back.';
comment on column likeness.removed_images.product_id is 'The product.';
comment on column likeness.removed_images.source_key is 'source_key() of the picture''s address.';
comment on column likeness.removed_images.removed_at is 'When.';
comment on column likeness.removed_images.source_url is 'Address or path as the feed gave it.';
comment on index likeness.removed_images_pkey is 'Serves curate_feed() and restore_image().';

-- What failed counts, told apart.
alter table likeness.runs
  add column failed_by_reason jsonb not null default '{}';
comment on column likeness.runs.failed_by_reason is 'What failed counts, by failure_reasons.code: {"not-found": 3}.';
