create or replace view likeness.check_match_decisions as
select p.id as product_id, r.canonical_product_id, 'linked to what a person said it is not' as problem,
       format('select likeness.unlink_match(%s);', p.id) as hint
  from likeness.match_rejections r
  join likeness.products p on p.id = r.product_id and p.canonical_product_id = r.canonical_product_id
 union all
select q.product_id, q.canonical_product_id, 'it waits for a person and is linked already', format('delete from likeness.match_queue where id = %s;', q.id)
  from likeness.match_queue q
  join likeness.products p on p.id = q.product_id
 where q.status = 'waiting' and p.canonical_product_id is not null
 union all
select q.product_id, (e.candidate ->> 'canonical_product_id')::bigint,
       case when c.id is null then 'a candidate is there no more' else 'a rejected pair is proposed again' end,
       format('select * from likeness.match_products(array[%s]);', q.product_id)
  from likeness.match_queue q
 cross join lateral jsonb_array_elements(q.candidates) e (candidate)
  left join likeness.canonical_products c on c.id = (e.candidate ->> 'canonical_product_id')::bigint
 where q.status = 'waiting'
   and (c.id is null or exists (
          select from likeness.match_rejections r where r.product_id = q.product_id and r.canonical_product_id = c.id))
 union all
select q.product_id, q.canonical_product_id, 'its best candidate is not the first of its candidates', format('select * from likeness.match_products(array[%s]);', q.product_id)
  from likeness.match_queue q
 where q.status = 'waiting' and q.canonical_product_id is distinct from (q.candidates -> 0 ->> 'canonical_product_id')::bigint
 union all
select p.id, p.canonical_product_id, 'it is linked otherwise than match_log says last', format('select * from likeness.match_log where product_id = %s;', p.id)
  from likeness.products p
 cross join lateral (
   select l.id, l.action, l.canonical_product_id
     from likeness.match_log l
    where l.product_id = p.id and l.action <> 'rejected'
      -- To take a rejection back says nothing of the link either.
      and not exists (select from likeness.match_log r where r.id = l.undoes_id and r.action = 'rejected')
    order by l.id desc
    limit 1) l
 where l.canonical_product_id is distinct from p.canonical_product_id
   and not exists (select from likeness.match_log m where m.action in ('merged', 'undone') and m.product_id is null and m.id > l.id);
comment on view likeness.check_match_decisions is 'Links, waiting items and candidates that contradict what was decided.';
comment on column likeness.check_match_decisions.product_id is 'The product.';
comment on column likeness.check_match_decisions.canonical_product_id is 'The canonical product.';
comment on column likeness.check_match_decisions.problem is 'What is wrong.';
comment on column likeness.check_match_decisions.hint is 'What to do.';
