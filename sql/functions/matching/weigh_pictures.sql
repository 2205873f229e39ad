create or replace function likeness.weigh_pictures(
  product_id bigint, canonical_product_id bigint, method text, before real, suggest_from real, link_from real, is_capped boolean,
  out confidence real, out reason text)
language plpgsql
stable parallel safe
set search_path = ''
as $$
declare
  v_found record;
begin
  confidence := before;
  -- Pictures alone prove nothing, and nothing against a barcode: they tip what names left open.
  if before < suggest_from or before < link_from and is_capped or before >= link_from and method <> 'name' then
    return;
  end if;
  select bool_or(a.sha256 = b.sha256 or c.is_same) as is_same, max(c.similarity) as similarity into v_found
    from (
      select i.blob_sha256 as sha256
        from likeness.images i
       where i.product_id = weigh_pictures.product_id and i.blob_sha256 is not null and not likeness.is_generic_picture(i.blob_sha256)
       order by i.position
       limit 3) a
   cross join (
     select i.blob_sha256 as sha256
       from likeness.images i
      where i.blob_sha256 is not null
        and (i.canonical_product_id = weigh_pictures.canonical_product_id
             or i.product_id = (select k.picture_product_id from likeness.canonical_products k where k.id = weigh_pictures.canonical_product_id))
        and not likeness.is_generic_picture(i.blob_sha256)
      order by i.canonical_product_id is null, i.position
      limit 3) b
    left join lateral likeness.compare_blobs(a.sha256, b.sha256) c on true;
  if v_found.is_same and before < link_from then
    confidence := greatest(link_from, 1 - (1 - before) * 0.4);
    reason := 'the pictures agree';
  elsif v_found.is_same then
    reason := 'the pictures agree';
  elsif v_found.similarity < 0.1 and before >= link_from then
    confidence := least(before, 0.80);
    reason := 'but the pictures show different things';
  end if;
end
$$;
comment on function likeness.weigh_pictures(bigint, bigint, text, real, real, real, boolean) is
  'Confidence in a candidate once the first pictures of both are compared: agreement lifts a suggestion to a link, disagreement takes a link by name to review. Generic pictures say nothing. Part of plan_matches().';
