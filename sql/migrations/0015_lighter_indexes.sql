-- Indexes that a claim and a finish write to without need, and dead rows that wait too long.

-- A picture's row moves at each claim and each finish, and every index gets a new entry of it. A hash index cannot
-- drop the dead ones among them before a vacuum, as a B-tree does when a page is full, and takes longer to write.
-- A migration is one transaction, so neither can be concurrent: writers wait for the few seconds that it is built.
-- squawk-ignore require-concurrent-index-deletion
drop index likeness.images_fetch_url_idx;
-- squawk-ignore require-concurrent-index-creation
create index images_fetch_url_idx on likeness.images (hashtextextended(fetch_url, 0));
comment on index likeness.images_fetch_url_idx is 'Serves find_image_by_url(): GET /api/images/serve?url=.';

-- Rows come and go all the time: what is dead is to be gone before it is a fifth of the table.
alter table likeness.rendition_queue set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
