create or replace function likeness.set_priority(product_ids bigint[], priority int)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_products bigint[];
  v_hosts bigint[];
  v_raised int;
begin
  perform likeness.need_priority(set_priority.priority);
  -- Who looks at a product looks at the pictures that it shares.
  select set_priority.product_ids || array_agg(c.picture_product_id) into v_products
    from likeness.products p
    join likeness.canonical_products c on c.id = p.canonical_product_id
   where p.id = any(set_priority.product_ids) and c.picture_product_id is not null;
  select array_agg(l.id) into v_hosts
    from (select h.id
            from likeness.hosts h
           where h.id in (select i.host_id
                            from likeness.images i
                           where i.product_id = any(v_products)
                             and i.queued_at is not null and i.priority < set_priority.priority)
           order by h.id
             for no key update) l;
  if v_hosts is null then
    return 0;
  end if;
  update likeness.images i
     set priority = set_priority.priority
   where i.id in (select w.id
                    from likeness.images w
                   where w.product_id = any(v_products)
                     and w.queued_at is not null and w.priority < set_priority.priority
                   order by w.id
                     for no key update);
  get diagnostics v_raised = row_count;
  perform likeness.wake_hosts(v_hosts);
  return v_raised;
end
$$;
comment on function likeness.set_priority(bigint[], int) is
  'Raises the waiting pictures of products to a priority class (3 viewed now, 2 listed just now, 1 popular, 0 rest); never lowers one. Returns how many rose.';
