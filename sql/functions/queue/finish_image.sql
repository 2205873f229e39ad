create or replace function likeness.finish_image(worker text, outcome jsonb)
returns void
language plpgsql
volatile parallel unsafe
set search_path = ''
as $$
begin
  if not (select f.is_accepted from likeness.finish_images(worker, jsonb_build_array(outcome)) f) then
    raise exception 'image % is no longer claimed by % under claim %', outcome ->> 'image_id', worker, outcome ->> 'claim_no'
      using errcode = 'LK001', hint = 'The lease ran out and the picture was handed to another worker; drop the result.';
  end if;
end
$$;
comment on function likeness.finish_image(text, jsonb) is
  'finish_images() for one picture; a lost claim is refused with SQLSTATE LK001 and changes nothing.';
