create or replace function likeness.is_referenced(sha256 text, ended_before timestamptz)
returns boolean
language sql
stable parallel safe
begin atomic
  select exists (select from likeness.images i where i.blob_sha256 = is_referenced.sha256)
      or exists (select from likeness.images i where i.uploaded_sha256 = is_referenced.sha256)
      or exists (select from likeness.change_reviews r where r.new_sha256 = is_referenced.sha256 and r.decision is null)
      or exists (select from likeness.placeholders p where p.sha256 = is_referenced.sha256 and p.verdict = 'placeholder')
      or exists (
        select
          from likeness.image_history h
          left join lateral (
            select n.shown_at
              from likeness.image_history n
             where n.image_id = h.image_id and (n.shown_at, n.id) > (h.shown_at, h.id)
             order by n.shown_at, n.id
             limit 1) n on true
         where h.blob_sha256 = is_referenced.sha256
           -- Until when it was shown; of a place that is gone nobody knows, so its beginning counts.
           and case when n.shown_at is not null then n.shown_at > is_referenced.ended_before
                    else h.shown_at > is_referenced.ended_before
                      or exists (select from likeness.images i where i.id = h.image_id) end);
end;
comment on function likeness.is_referenced(text, timestamptz) is
  'Some place shows these bytes (of a product or a canonical product), or showed them after a time; or a held change waits with them, or they are remembered as a placeholder.';
