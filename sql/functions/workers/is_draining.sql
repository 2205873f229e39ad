create or replace function likeness.is_draining(worker text)
returns boolean
language sql
stable parallel safe
begin atomic
  select exists (
    select
      from likeness.workers w
     where w.id = substring(is_draining.worker from '/([0-9]+)$')::bigint and w.drain_asked_at is not null);
end;
comment on function likeness.is_draining(text) is 'Was this worker asked to claim nothing more: drain()?';
