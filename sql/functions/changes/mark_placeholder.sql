create or replace function likeness.mark_placeholder(sha256 text, supplier text default null, decided_by text default session_user)
returns int
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_supplier_id bigint;
begin
  perform likeness.need_person(mark_placeholder.decided_by);
  if not exists (select from likeness.blobs b where b.sha256 = mark_placeholder.sha256) then
    raise exception 'there are no bytes %', sha256 using errcode = 'LK002', hint = 'The sha256 is in the picture''s URL.';
  end if;
  if supplier is not null then
    select s.id into v_supplier_id from likeness.suppliers s where s.name = mark_placeholder.supplier;
    if not found then
      raise exception 'there is no supplier "%"', supplier using errcode = 'LK002', hint = 'select name from likeness.suppliers;';
    end if;
  end if;
  insert into likeness.placeholders as h (verdict, supplier_id, products, phash, noticed_at, decided_at, decided_by, sha256, signature)
  select 'placeholder', v_supplier_id, n.products, b.phash, likeness.clock(), likeness.clock(), mark_placeholder.decided_by, b.sha256, b.signature
    from likeness.blobs b
   cross join (
     select count(distinct i.product_id)::int as products
       from likeness.images i
       left join likeness.products p on p.id = i.product_id
      where i.blob_sha256 = mark_placeholder.sha256 and (v_supplier_id is null or p.supplier_id = v_supplier_id)) n
   where b.sha256 = mark_placeholder.sha256
  on conflict (sha256, supplier_id) do update
     set verdict = 'placeholder', decided_at = excluded.decided_at, decided_by = excluded.decided_by;
  return likeness.remove_placeholders(array[sha256], v_supplier_id, 2147483647);
end
$$;
comment on function likeness.mark_placeholder(text, text, text) is
  'Says that bytes stand in for a picture and are none, for one supplier or for all: they and near copies are shown no more. Returns how many places changed. Example: select likeness.mark_placeholder(''<sha256>'', supplier => ''acme'');';
