create or replace function likeness.write_decision(
  action text, product_id bigint, canonical_product_id bigint, was_canonical_product_id bigint, decided_by text,
  queue_item_id bigint default null, reason text default '', evidence jsonb default '{}', confidence real default null, undoes_id bigint default null)
returns bigint
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_id bigint;
begin
  perform likeness.need_person(write_decision.decided_by);
  insert into likeness.match_log (
    action, product_id, canonical_product_id, was_canonical_product_id, method, confidence, decided_by, decided_at, is_automatic,
    queue_item_id, undoes_id, reason, evidence)
  values (
    write_decision.action, write_decision.product_id, write_decision.canonical_product_id, write_decision.was_canonical_product_id, 'person',
    write_decision.confidence, write_decision.decided_by, likeness.clock(), false,
    write_decision.queue_item_id, write_decision.undoes_id, coalesce(write_decision.reason, ''), write_decision.evidence)
  returning id into v_id;
  return v_id;
end
$$;
comment on function likeness.write_decision(text, bigint, bigint, bigint, text, bigint, text, jsonb, real, bigint) is 'Keeps a person''s decision in match_log; returns its id.';
