create or replace function likeness.find_placeholder(sha256 text, phash bigint, signature bytea, supplier_id bigint)
returns bigint
language sql
stable parallel safe
begin atomic
  select p.id
    from likeness.placeholders p
   where (p.supplier_id is null or p.supplier_id = find_placeholder.supplier_id)
     and p.verdict = 'placeholder'
     and (p.sha256 = find_placeholder.sha256
          -- A near copy: the same drawing, compressed or scaled anew. Few bits, since drawings of text are much alike.
          or bit_count((p.phash # find_placeholder.phash)::bit(64)) <= 4
             and exists (select from likeness.compare_pictures(p.phash, p.signature, find_placeholder.phash, find_placeholder.signature) c
                          where c.mean_difference <= 3 and c.max_difference <= 24))
     -- What a person said of these very bytes counts more than what is near them.
     and not exists (
       select from likeness.placeholders o
        where o.sha256 = find_placeholder.sha256 and o.verdict = 'picture' and (o.supplier_id is null or o.supplier_id = find_placeholder.supplier_id)
          -- But what was said of one supplier counts more than what was said of all.
          and not (o.supplier_id is null and p.supplier_id is not null and p.sha256 = o.sha256))
   order by p.sha256 = find_placeholder.sha256 desc, p.id
   limit 1;
end;
comment on function likeness.find_placeholder(text, bigint, bytea, bigint) is
  'The known placeholder that a picture of a supplier is, by its bytes or nearly; null: it is none that is known.';
