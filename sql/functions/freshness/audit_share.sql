create or replace function likeness.audit_share(audits bigint, proofs bigint, lies bigint)
returns double precision
language sql
immutable parallel safe
begin atomic
  select greatest(case when audit_share.lies > 0 then 0.25 else 0.03 end, 10.0 / (10 + coalesce(audit_share.audits, 0) + 10 * coalesce(audit_share.proofs, 0)))::double precision;
end;
comment on function likeness.audit_share(bigint, bigint, bigint) is
  'How many of the answers "not modified" of a host are tested by fetching the bytes: all at first, fewer with each one that was true and each change that it told of, never none.';
