create or replace function likeness.count_reasons(counts jsonb, reasons text[])
returns jsonb
language sql
immutable parallel safe
begin atomic
  select coalesce(jsonb_object_agg(t.reason, t.times), '{}')
    from (
      select a.reason, sum(a.times)::int as times
        from (
          select c.key as reason, c.value::int as times from jsonb_each_text(count_reasons.counts) c
          union all
          select r.reason, 1 from unnest(count_reasons.reasons) r (reason)) a
       where a.reason is not null
       group by a.reason) t;
end;
comment on function likeness.count_reasons(jsonb, text[]) is
  'Adds one to a run''s failed_by_reason for each of these reasons; null adds nothing.';
