-- Drops every function, view and trigger of the schema, so that what follows in apply.sql is all there is:
-- an object whose file was deleted is gone, one whose columns or arguments changed can be made anew.
do $$
declare
  v_commands text[];
  v_command text;
begin
  -- All names first: a function that has gone with another one (cascade) has none any more.
  select array_agg(o.command) into v_commands
    from (
      select format('drop view if exists likeness.%I cascade', c.relname) as command
        from pg_class c
       where c.relnamespace = 'likeness'::regnamespace and c.relkind = 'v'
       union all
      select format('drop routine if exists %s cascade', p.oid::regprocedure)
        from pg_proc p
       where p.pronamespace = 'likeness'::regnamespace) o;
  foreach v_command in array coalesce(v_commands, '{}') loop
    execute v_command;
  end loop;
end
$$;
