create or replace function likeness.condemn_blobs(after text default '', most int default 1000, retention interval default '365 days')
returns table (scanned_to text, condemned int)
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := likeness.clock();
  v_cutoff timestamptz := likeness.clock() - retention;
  v_batch text[];
  v_condemned int;
begin
  perform likeness.need_count('most', condemn_blobs.most);
  perform likeness.need_time('retention', condemn_blobs.retention);
  select array_agg(b.sha256 order by b.sha256) into v_batch
    from (select b.sha256 from likeness.blobs b where b.sha256 > condemn_blobs.after order by b.sha256 limit condemn_blobs.most) b;
  scanned_to := v_batch[cardinality(v_batch)];
  select array_agg(l.sha256) into v_batch
    from (select b.sha256
            from likeness.blobs b
           where b.sha256 = any(v_batch) and b.status = 'stored' and not likeness.is_referenced(b.sha256, v_cutoff)
           order by b.sha256
             -- Whoever is about to refer to it holds KEY SHARE, and is right.
             for update skip locked) l;
  -- A new statement sees references that were committed before the lock was ours; none comes after.
  select array_agg(c.sha256) into v_batch
    from unnest(v_batch) c (sha256)
   where not likeness.is_referenced(c.sha256, v_cutoff);
  -- History beyond its retention goes from its beginning, so that what stays has no gap.
  delete from likeness.image_history d
   using likeness.image_history h
   where h.blob_sha256 = any(v_batch) and d.image_id = h.image_id and (d.shown_at, d.id) <= (h.shown_at, h.id);
  delete from likeness.rendition_queue q where q.sha256 = any(v_batch) and q.claimed_by is null;
  update likeness.blobs b set status = 'condemned', condemned_at = v_now where b.sha256 = any(v_batch);
  get diagnostics v_condemned = row_count;
  return query select scanned_to, v_condemned;
end
$$;
comment on function likeness.condemn_blobs(text, int, interval) is
  'Looks at the next stored bytes in the order of their hash and condemns those that no place shows or showed within the retention; history beyond it goes. scanned_to continues the scan; null: it is over. Nothing is deleted yet.';
