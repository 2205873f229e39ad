create or replace function likeness.match_log__append_only()
returns trigger
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  raise exception 'match_log is append-only: decisions are taken back by undo_match(), not by %', lower(tg_op) using errcode = 'LK003';
end
$$;
comment on function likeness.match_log__append_only() is 'Refuses to change or delete decisions.';
create or replace trigger match_log__append_only
  before update or delete on likeness.match_log
  for each row
  execute function likeness.match_log__append_only();
comment on trigger match_log__append_only on likeness.match_log is 'What was decided stays on record.';
