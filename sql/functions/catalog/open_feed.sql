create or replace function likeness.open_feed(prefix text default null)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  if prefix !~* '^(https?|ftps?)://[^/?#\s]+' then
    raise exception 'the prefix "%" is not an http, https or ftp address', prefix
      using errcode = 'LK004', hint = 'Give it as in https://images.example.com/catalogue.';
  end if;
  create temporary table feed_rows of likeness.feed_row on commit drop;
  create temporary table feed_products of likeness.feed_product on commit drop;
  create temporary table feed_pictures of likeness.feed_picture on commit drop;
  create temporary table feed_relisted (product_id bigint) on commit drop;
  create temporary table feed_pairs of likeness.feed_pair on commit drop;
  create temporary table feed_changes of likeness.feed_change on commit drop;
  create temporary table feed_stale of likeness.feed_stale on commit drop;
end
$$;
comment on function likeness.open_feed(text) is
  'Begins an import inside a transaction: makes the temporary tables that COPY fills (pg_temp.feed_rows) and that fold_feed() and merge_feed() work in.';
