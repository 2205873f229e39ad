create or replace function likeness.finish_renditions(worker text, outcomes jsonb)
returns table (sha256 text, is_accepted boolean)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
begin
  return query
  with outcome as materialized (
    select o.sha256, o.renditions, o.reason, o.failure_text, coalesce(o.is_retryable, false) as is_retryable
      from jsonb_to_recordset(finish_renditions.outcomes) o (sha256 text, renditions jsonb, reason text, failure_text text, is_retryable boolean)
  ),
  mine as materialized (
    select q.sha256, q.attempts
      from likeness.rendition_queue q
     where q.sha256 in (select o.sha256 from outcome o) and q.claimed_by = finish_renditions.worker
     order by q.sha256
       for update
  ),
  added as (
    update likeness.blobs b
       set renditions = coalesce((
             -- A new recipe takes the place of the old one.
             select jsonb_agg(r.entry order by r.is_new, r.turn)
               from (select x.entry, false as is_new, x.turn
                       from jsonb_array_elements(b.renditions) with ordinality x (entry, turn)
                      where not exists (select from jsonb_array_elements(o.renditions) n
                                         where n ->> 'preset' = x.entry ->> 'preset' and n ->> 'format' = x.entry ->> 'format')
                     union all
                     select x.entry, true, x.turn from jsonb_array_elements(o.renditions) with ordinality x (entry, turn)) r), '[]')
      from outcome o
      join mine m using (sha256)
     where b.sha256 = o.sha256 and b.status = 'stored' and jsonb_array_length(o.renditions) > 0
  ),
  done as (
    delete from likeness.rendition_queue q
     using mine m
      join outcome o using (sha256)
     where q.sha256 = m.sha256 and o.reason is null
  ),
  failed as (
    update likeness.rendition_queue q
       set status = case when o.is_retryable and m.attempts < 5 then 'waiting' else 'failed' end,
           claimed_by = null, failure_reason = o.reason, failure_text = o.failure_text,
           ready_at = v_now + likeness.retry_delay(m.attempts, null)
      from outcome o
      join mine m using (sha256)
     where q.sha256 = o.sha256 and o.reason is not null
  )
  select o.sha256, m.sha256 is not null from outcome o left join mine m using (sha256);
end
$$;
comment on function likeness.finish_renditions(text, jsonb) is
  'Adds renditions that were put to what is known of their bytes, or notes why there are none: a list of {sha256, renditions} or {sha256, reason, failure_text, is_retryable}. What is no longer claimed by the worker changes nothing and comes back as not accepted.';
