create or replace function likeness.merge_feed(supplier text, name text, prefix text default null)
returns table (
  dataset_id bigint, products_new int, products_changed int, products_unchanged int, images_new int, images_changed int, images_removed int
)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_supplier bigint := likeness.ensure_supplier(merge_feed.supplier);
  v_dataset bigint;
  v_hosts bigint[];
begin
  select count(*) filter (where f.product_id is null), count(*) filter (where f.product_id is not null and f.is_changed),
         count(*) filter (where not f.is_changed), 0, 0, 0
    into products_new, products_changed, products_unchanged, images_new, images_changed, images_removed
    from pg_temp.feed_products f;
  perform likeness.plan_feed(merge_feed.prefix);
  v_dataset := likeness.dataset_of_feed(merge_feed.prefix);
  -- A feed that says what is known already writes nothing.
  if v_dataset is null and products_new + products_changed + products_unchanged > 0 then
    v_hosts := likeness.lock_feed();
    perform likeness.leave_runs();
    insert into likeness.datasets (supplier_id, name, image_url_prefix, created_at)
    values (v_supplier, merge_feed.name, merge_feed.prefix, likeness.clock())
    returning id into v_dataset;
    perform likeness.merge_feed_products(v_supplier, v_dataset);
    select m.images_new, m.images_changed, m.images_removed
      into images_new, images_changed, images_removed
      from likeness.merge_feed_images(v_supplier) m;
    -- Claims that ended here leave room at hosts that were parked at their limit.
    perform likeness.unpark_hosts(v_hosts);
  end if;
  perform likeness.note_news(v_supplier);
  dataset_id := v_dataset;
  return next;
end
$$;
comment on function likeness.merge_feed(text, text, text) is
  'Writes a folded feed as a draft dataset, in the transaction of open_feed() and fold_feed(): products by (supplier, sku), pictures by address, then by place. A feed that changes nothing writes nothing and returns the dataset that it repeats. Pictures are queued by activate_dataset().';
