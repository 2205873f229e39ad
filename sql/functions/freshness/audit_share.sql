create or replace function likeness.audit_share(audits bigint, signs int, lies bigint)
returns double precision
language sql
immutable parallel safe
begin atomic
  select greatest(case when audit_share.lies > 0 then 0.25 else 0.03 end,
                  200.0 / (200 + coalesce(audit_share.audits, 0) + 60 * coalesce(audit_share.signs, 0)))::double precision;
end;
comment on function likeness.audit_share(bigint, int, bigint) is
  'How many of the checks of a host look at the bytes, to see what its validators are worth: all at first, fewer with each one that found nothing and much fewer with each change that the validators told of, never none.';
