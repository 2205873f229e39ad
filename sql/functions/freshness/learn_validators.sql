create or replace function likeness.learn_validators(looks likeness.look[])
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
begin
  insert into likeness.host_validators as v (
    host_id, checks, unmodified, proofs, audits, lies, noises, proofs_since_lie, last_lie_at, updated_at)
  select s.host_id, s.checks, s.unmodified, s.proofs, s.audits, s.lies, s.noises, case when s.lies > 0 then 0 else s.signs end,
         case when s.lies > 0 then likeness.clock() end, likeness.clock()
    from (select l.host_id, count(*) as checks, count(*) filter (where l.said_unmodified) as unmodified,
                 count(*) filter (where l.result = 'changed' and l.is_conditional and not l.said_unmodified) as proofs,
                 count(*) filter (where l.result <> 'unmodified' and (l.said_unmodified or (not l.is_conditional and l.has_same_validators is not null))) as audits,
                 count(*) filter (where l.result = 'changed' and (l.said_unmodified or l.has_same_validators)) as lies,
                 count(*) filter (where l.result = 'same' and not l.has_same_validators) as noises,
                 (count(*) filter (where l.result = 'changed' and not l.said_unmodified and not l.has_same_validators))::int as signs
            from unnest(looks) l
           where l.result in ('unmodified', 'same', 'changed') and l.host_id is not null
           group by l.host_id) s
   order by s.host_id
  on conflict (host_id) do update
     set checks = v.checks + excluded.checks, unmodified = v.unmodified + excluded.unmodified, proofs = v.proofs + excluded.proofs,
         audits = v.audits + excluded.audits, lies = v.lies + excluded.lies, noises = v.noises + excluded.noises,
         proofs_since_lie = case when excluded.lies > 0 then 0 else v.proofs_since_lie + excluded.proofs_since_lie end,
         last_lie_at = coalesce(excluded.last_lie_at, v.last_lie_at), updated_at = excluded.updated_at;
  update likeness.host_validators v
     set trust = case when v.lies > 0 and v.proofs_since_lie < 5 then 'lying'
                      when v.noises >= 10 and v.noises * 2 > v.checks then 'noisy'
                      when v.lies = 0 and v.proofs >= 3 then 'honest'
                      when v.proofs_since_lie >= 20 then 'honest'
                      else 'untested' end
   where v.host_id in (select l.host_id from unnest(looks) l where l.result in ('unmodified', 'same', 'changed'));
end
$$;
comment on function likeness.learn_validators(likeness.look[]) is
  'Counts what looks showed of hosts'' validators, and judges them. Part of learn_freshness(); the hosts are locked.';
