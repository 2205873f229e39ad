create or replace function likeness.heal_shared_pictures()
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_canonicals bigint[];
begin
  select array_agg(distinct u.id) into v_canonicals
    from (
      -- Pictures that were to be shared and cannot be had: another product may have some.
      select c.id
        from likeness.images i
        join likeness.canonical_products c on c.picture_product_id = i.product_id
       where i.failure_reason is not null and i.status = 'failed'
         and exists (select from likeness.products p where p.canonical_product_id = c.id and p.id <> c.picture_product_id)
       union all
      -- Pictures that were to be shared and are not fetched any more, since their product left.
      select c.id
        from likeness.products p
        join likeness.canonical_products c on c.picture_product_id = p.id
       where p.status <> 'active' and (p.pictures_released_at is null or p.pictures_released_at < p.status_changed_at)
         and p.status_changed_at > likeness.clock() - interval '1 day'
         and not exists (select from likeness.images i where i.product_id = p.id and i.blob_sha256 is not null)
       union all
      -- Pictures that were in hand when their product was linked, and have to be tried again for nobody.
      select p.canonical_product_id
        from likeness.images i
        join likeness.products p on p.id = i.product_id and p.canonical_product_id is not null
       where i.retry_at is not null and likeness.is_spared(p.id)) u
    join lateral likeness.choose_pictures(array[u.id]) h on true
    join likeness.canonical_products c on c.id = u.id
   where c.picture_product_id is distinct from h.picture_product_id
      or exists (
        select
          from likeness.products p
          join likeness.images i on i.product_id = p.id and i.queued_at is not null
         where p.canonical_product_id = u.id and likeness.is_spared(p.id));
  if v_canonicals is null then
    return 0;
  end if;
  perform likeness.settle_pictures(v_canonicals);
  return cardinality(v_canonicals);
end
$$;
comment on function likeness.heal_shared_pictures() is
  'The net under settle_pictures(): canonical products whose pictures turned out not to be had get others. Run by the workers'' sweep; returns how many.';
