create or replace function likeness.decide_barcode(product_id bigint, gtin text, name text, canonical_product_id bigint, canonical_name text)
returns likeness.match_decision
language plpgsql
stable parallel safe
set search_path = ''
as $$
declare
  v_judgement record;
begin
  v_judgement := likeness.judge_match(1, 1, likeness.overlap_names(name, canonical_name), likeness.packs_contradict(name, canonical_name), null, gtin, gtin, null, (select r.link_from from likeness.match_rules r));
  return row(
    product_id, case when v_judgement.is_capped then 'suggest' else 'link' end, canonical_product_id, v_judgement.confidence, v_judgement.method, v_judgement.reason,
    jsonb_build_array(jsonb_build_object(
      'canonical_product_id', canonical_product_id, 'confidence', round(v_judgement.confidence::numeric, 4), 'method', v_judgement.method,
      'reason', v_judgement.reason, 'evidence', jsonb_build_object('gtin', gtin))))::likeness.match_decision;
end
$$;
comment on function likeness.decide_barcode(bigint, text, text, bigint, text) is
  'What becomes of a product whose proven barcode a canonical product got after matching had looked: it is linked, or waits for a person where the names contradict each other. Part of match_products().';
