create or replace function likeness.take_permit(limit_name text, client text, most int, span interval)
returns table (is_allowed boolean, remaining int, wait_seconds int)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
begin
  perform likeness.need_count('most', take_permit.most);
  perform likeness.need_time('span', take_permit.span);
  if take_permit.span = interval '0' then
    raise exception 'span must be more than 0' using errcode = 'LK004';
  end if;
  return query
  with now as (
    select likeness.clock() as at
  ), taken as (
    insert into likeness.permits as p (limit_name, client, expires_at, is_allowed, taken)
    select take_permit.limit_name, take_permit.client, n.at + take_permit.span, true, array[n.at]
      from now n
        on conflict on constraint permits_pkey do update
       set (taken, is_allowed, expires_at) = (
             select case when cardinality(k.kept) < take_permit.most then k.kept || excluded.taken else k.kept end,
                    cardinality(k.kept) < take_permit.most,
                    excluded.expires_at
               from (select coalesce(array_agg(t.at order by t.at), '{}') as kept
                       from unnest(p.taken) as t (at)
                      where t.at > excluded.taken[1] - take_permit.span) k)
    returning p.is_allowed, p.taken
  )
  select t.is_allowed,
         take_permit.most - cardinality(t.taken),
         -- Until the oldest of them counts no more, which is when the next one is let through.
         greatest(1, ceil(extract(epoch from t.taken[1] + take_permit.span - n.at)))::int
    from taken t, now n;
end
$$;
comment on function likeness.take_permit(text, text, int, interval) is
  'Lets a client through unless it was let through `most` times within the last `span`, counted over all API processes in one statement: at no time are there more in any span. wait_seconds: until one more is free.';
