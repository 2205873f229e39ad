create or replace function likeness.forget_permits()
returns int
language sql
volatile parallel unsafe
begin atomic
  with gone as (
    delete from likeness.permits p
     where p.expires_at <= likeness.clock()
    returning 1
  )
  select count(*)::int from gone;
end;
comment on function likeness.forget_permits() is 'Deletes what take_permit() needs no more; each API calls it once a minute.';
