create or replace function likeness.release_renditions(worker text)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
declare
  v_released int;
begin
  update likeness.rendition_queue q
     set claimed_by = null, ready_at = likeness.clock(), attempts = greatest(0, q.attempts - 1)
   where q.claimed_by = release_renditions.worker;
  get diagnostics v_released = row_count;
  return v_released;
end
$$;
comment on function likeness.release_renditions(text) is
  'Hands back, uncounted, all bytes of which a worker was to make further renditions; returns how many.';
