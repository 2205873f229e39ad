create or replace function likeness.dataset_of_feed(prefix text)
returns bigint
language plpgsql
stable parallel unsafe
set search_path = ''
as $$
declare
  v_dataset bigint;
begin
  select min(f.dataset_id) into v_dataset
    from pg_temp.feed_products f
  having not bool_or(f.product_id is null or f.is_changed) and min(f.dataset_id) = max(f.dataset_id)
     and not exists (select from pg_temp.feed_changes)
     and not exists (select from pg_temp.feed_stale);
  return (select d.id from likeness.datasets d where d.id = v_dataset and d.image_url_prefix is not distinct from prefix);
end
$$;
comment on function likeness.dataset_of_feed(text) is
  'The dataset that a planned feed repeats without any change, or null. Part of merge_feed().';
