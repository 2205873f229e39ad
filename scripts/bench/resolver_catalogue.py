"""Builds the catalogues that the resolver bench asks: two pictures a product, most of them there.

Rows are written as they would have come to be after years, without living through them: triggers
and foreign keys are off while a table is filled.
"""

from worker.db import Connection

PICTURES_A_PRODUCT = 2
# Variants of an article show the same picture.
PICTURES_A_BLOB = 4
_STATEMENTS = (
    "set session_replication_role = replica",
    "insert into likeness.suppliers (name) values ('bench')",
    """
    insert into likeness.datasets (supplier_id, name, status, activated_at)
    values (1, 'bench', 'active', now())
    """,
    "insert into likeness.hosts (host) values ('pictures.example')",
    """
    insert into likeness.products (supplier_id, dataset_id, sku, name)
    select 1, 1, 'sku' || n, 'Enamel kettle no. ' || n
      from generate_series(1, %(products)s) n
     order by n
    """,
    """
    insert into likeness.blobs (
      sha256, status, format, width, height, bytes, has_original, stored_at, phash, placeholder,
      renditions, sizes, srcset)
    select md5(n::text) || md5((-n)::text), 'stored', 'jpeg', 1600, 1200, 300000, true, now(), n,
           '1QcSHQRnh493V4dIh4eXh1h4kJUI', r.renditions, s.sizes, s.srcset
      from (
        select jsonb_agg(jsonb_build_object(
                 'preset', p.name, 'format', f.format, 'recipe', left(md5(p.name || f.format), 12),
                 'width', p.width, 'height', p.width * 3 / 4, 'bytes', 20000)
                 order by p.wave, p.width, f.format) as renditions
          from likeness.presets p
         cross join unnest(p.formats || p.late_formats) f (format)
        offset 0) r
     cross join lateral likeness.sum_up_renditions(r.renditions) s
     cross join generate_series(0, %(blobs)s - 1) n
    """,
    """
    insert into likeness.images (
      product_id, position, role, status, blob_sha256, mirrored_at, host_id, source_url, fetch_url,
      queued_at)
    select 1 + n / %(each)s, n %% %(each)s,
           case n %% %(each)s when 0 then 'hero' else 'gallery' end,
           case when s.waits then 'pending' else 'completed' end,
           case when not s.waits then md5(b.blob::text) || md5((-b.blob)::text) end,
           case when not s.waits then now() end, 1, n || '.jpg',
           'http://pictures.example/' || n || '.jpg', case when s.waits then now() end
      from generate_series(0, %(images)s - 1) n
     cross join lateral (select n / %(each)s %% 20 = 7 as waits) s
     cross join lateral (select n / %(same)s as blob) b
     order by n
    """,
    "set session_replication_role = origin",
)


_INDEXES = """
select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
  from pg_index i
 where i.indrelid = 'likeness.images'::regclass
   and not exists (select from pg_constraint c where c.conindid = i.indexrelid)
"""


def fill(connection: Connection, images: int) -> int:
    """Fill a freshly migrated database; returns how many products there are."""
    numbers = {
        "images": images,
        "each": PICTURES_A_PRODUCT,
        "same": PICTURES_A_BLOB,
        "products": images // PICTURES_A_PRODUCT,
        "blobs": images // PICTURES_A_BLOB,
    }
    # Built at the end: row by row they would cost ten times as much.
    indexes = connection.execute(_INDEXES).fetchall()
    for index in indexes:
        connection.execute(f"drop index {index['name']}".encode())
    for statement in _STATEMENTS:
        connection.execute(statement.encode(), numbers if "%(" in statement else None)
    for index in indexes:
        connection.execute(index["definition"].encode())
    # As autovacuum leaves it in time: visible everywhere, statistics true.
    connection.execute("vacuum analyze")
    return numbers["products"]
