create or replace function likeness.sum_up_renditions(renditions jsonb, out sizes jsonb, out srcset text)
returns record
language sql
immutable parallel safe
begin atomic
  with files as (
    select r ->> 'preset' as preset, r ->> 'format' as format, (r ->> 'width')::int as width, (r ->> 'height')::int as height, x.turn,
           (r ->> 'recipe') || '.' || case r ->> 'format' when 'jpeg' then 'jpg' else r ->> 'format' end as file
      from jsonb_array_elements(sum_up_renditions.renditions) with ordinality x (r, turn)
  )
  select coalesce((
           select jsonb_object_agg(s.name, jsonb_build_array(s.file, s.width, s.height))
             from (
               select distinct on (n.name) n.name, f.file, f.width, f.height
                 from files f
                cross join lateral (values (f.preset), ('*')) n (name)
                where f.format = 'webp'
                order by n.name, f.turn) s), '{}'),
         coalesce((
           select jsonb_object_agg(c.format, c.candidates)::text
             from (
               select d.format, string_agg('@' || d.file || ' ' || d.width || 'w', ', ' order by d.width) as candidates
                 from (
                   select distinct on (f.format, f.width) f.format, f.width, f.file
                     from files f
                    order by f.format, f.width, f.turn) d
                group by d.format) c), '{}');
end;
comment on function likeness.sum_up_renditions(jsonb) is
  'What answers are made of, from blobs.renditions: per preset its WebP file, width and height (under * any), and the JSON text of a srcset by format, in which @ stands for the folder. Of two of one format and width the first counts.';
