create or replace view likeness.match_quality as
select s.name as supplier, r.method, r.links, r.confirmed, r.taken_back,
       round(r.confirmed::numeric / nullif(r.confirmed + r.taken_back, 0), 4) as precision,
       r.suggestions_accepted, r.suggestions_rejected,
       round(r.suggestions_accepted::numeric / nullif(r.suggestions_accepted + r.suggestions_rejected, 0), 4) as suggestion_precision
  from (
    select p.supplier_id, l.method,
           count(*) filter (where l.action = 'linked') as links,
           count(*) filter (where l.action = 'linked' and v.verdict = 'accepted') as confirmed,
           count(*) filter (where l.action = 'linked' and v.verdict in ('unlinked', 'undone')) as taken_back,
           count(*) filter (where l.action = 'accepted' and l.confidence is not null and v.verdict is distinct from 'undone') as suggestions_accepted,
           count(*) filter (where l.action in ('rejected', 'created') and not l.is_automatic and v.verdict is distinct from 'undone') as suggestions_rejected
      from likeness.match_log l
      join likeness.products p on p.id = l.product_id
      -- The first that a person said of it afterwards; what was said and taken back was not said.
      left join lateral (
        select n.action as verdict
          from likeness.match_log n
         where n.product_id = l.product_id and n.id > l.id and not n.is_automatic
           and (n.undoes_id = l.id
                or n.action = 'accepted' and n.canonical_product_id = l.canonical_product_id
                or n.action = 'unlinked' and n.was_canonical_product_id = l.canonical_product_id)
           and not exists (select from likeness.match_log u where u.undoes_id = n.id)
         order by n.id
         limit 1) v on true
     where l.action in ('linked', 'accepted', 'rejected', 'created')
     group by p.supplier_id, l.method) r
  join likeness.suppliers s on s.id = r.supplier_id
 order by s.name, r.method;
comment on view likeness.match_quality is 'How good matching is, per supplier and kind of evidence, by what people said of it afterwards: of links that were made by themselves, and of suggestions.';
comment on column likeness.match_quality.supplier is 'The supplier.';
comment on column likeness.match_quality.method is 'barcode or name: what made the links; person: decisions about suggestions; new: canonical products made of what was not found.';
comment on column likeness.match_quality.links is 'Links that were made by themselves.';
comment on column likeness.match_quality.confirmed is 'Of these, confirmed by a person (link_match() of the same pair).';
comment on column likeness.match_quality.taken_back is 'Of these, unlinked or undone by a person.';
comment on column likeness.match_quality.precision is 'Right among those that people looked at; null: nobody has yet.';
comment on column likeness.match_quality.suggestions_accepted is 'Suggestions that a person accepted.';
comment on column likeness.match_quality.suggestions_rejected is 'Suggestions that a person rejected, or made a canonical product of their own of.';
comment on column likeness.match_quality.suggestion_precision is 'Accepted among those decided.';
