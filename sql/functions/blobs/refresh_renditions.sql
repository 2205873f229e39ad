create or replace function likeness.refresh_renditions(sha256s text[] default null)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_queued int;
begin
  insert into likeness.rendition_queue as q (sha256, ready_at, queued_at)
  select b.sha256, v_now, v_now
    from likeness.blobs b
   where b.status = 'stored' and b.has_original
     and (refresh_renditions.sha256s is null or b.sha256 = any(refresh_renditions.sha256s))
   order by b.sha256
  on conflict (sha256) do update
     set status = 'waiting', attempts = 0, ready_at = v_now, queued_at = v_now, failure_reason = null, failure_text = null
   where q.claimed_by is null;
  get diagnostics v_queued = row_count;
  return v_queued;
end
$$;
comment on function likeness.refresh_renditions(text[]) is
  'Has workers look for renditions that are missing, of these bytes or of all: after a change of presets or recipes, or to try again what failed. Only bytes whose original is kept can be rendered again; returns how many wait.';
