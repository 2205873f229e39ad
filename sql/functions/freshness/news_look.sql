create or replace function likeness.news_look(checked_at timestamptz, rates likeness.supplier_rates, media_changed_at timestamptz, now_at timestamptz)
returns table (elapsed_days double precision, silent_days double precision)
language sql
immutable parallel safe
begin atomic
  -- A feed that tells when pictures changed, and told nothing new, is a look that missed as many changes as it usually does.
  select greatest(0, extract(epoch from news_look.now_at - news_look.checked_at) / 86400 - s.silent_days)::double precision, s.silent_days
    from (select case when news_look.media_changed_at is not null and (news_look.rates).news_hits >= 3 and (news_look.rates).news_at > news_look.checked_at
                   then extract(epoch from (news_look.rates).news_at - news_look.checked_at) / 86400
                        * ((news_look.rates).news_hits + 0.5) / ((news_look.rates).news_hits + (news_look.rates).news_misses + 1)
                   else 0 end::double precision as silent_days) s;
end;
comment on function likeness.news_look(timestamptz, likeness.supplier_rates, timestamptz, timestamptz) is
  'Days since a picture was last looked at, less those of which its supplier''s feeds have told that nothing happened.';
