create or replace function likeness.note_news(supplier_id bigint)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
begin
  if (select count(*) from pg_temp.feed_products f where f.media_changed_at is not null)
     < 0.9 * (select count(*) from likeness.products p where p.supplier_id = note_news.supplier_id and p.status = 'active')
     or not exists (select from pg_temp.feed_products f where f.media_changed_at is not null) then
    return;
  end if;
  insert into likeness.supplier_rates as r (supplier_id, shape, days, news_at)
  values (note_news.supplier_id, 0.2, 10, v_now)
  on conflict (supplier_id) do update
     set news_days = case when v_now - r.news_at > interval '10 minutes'
                       then coalesce(0.8 * r.news_days + 0.2 * extract(epoch from v_now - r.news_at) / 86400, extract(epoch from v_now - r.news_at) / 86400)
                       else r.news_days end,
         news_at = excluded.news_at;
end
$$;
comment on function likeness.note_news(bigint) is
  'Remembers that a feed told of nearly all products of a supplier when their pictures changed. Part of merge_feed().';
