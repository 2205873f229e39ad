create or replace function likeness.tokenize_product(
  name text,
  brand text,
  mpn text,
  size text,
  lexicon jsonb,
  out main_tokens int,
  out name_key text,
  out tokens text[],
  out kinds text[],
  out brand_tokens text[])
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  v_read record;
  v_token text;
begin
  v_read := likeness.tokenize_name(name, lexicon);
  main_tokens := cardinality(v_read.tokens);
  name_key := array_to_string(v_read.tokens, ' ');
  tokens := v_read.tokens;
  kinds := v_read.kinds;
  for i in 1..cardinality(v_read.aids) loop
    if v_read.aid_kinds[i] in ('x', 'y') and length(v_read.aids[i]) = 2 then
      -- USB-C is USB C, and no USB.
      name_key := name_key || ' ' || v_read.aids[i];
    end if;
    if v_read.aid_kinds[i] <> 'y' and not v_read.aids[i] = any(tokens) then
      tokens := tokens || v_read.aids[i];
      kinds := kinds || v_read.aid_kinds[i];
    end if;
  end loop;
  if brand <> '' then
    brand_tokens := (likeness.tokenize_name(brand, lexicon)).tokens;
    foreach v_token in array brand_tokens loop
      if not v_token = any(tokens) then
        tokens := tokens || v_token;
        kinds := kinds || 'b'::text;
      end if;
    end loop;
  end if;
  brand_tokens := coalesce(brand_tokens, '{}');
  -- A model number is one thing however it is parted; one that is a word of the name is known as it.
  v_token := regexp_replace(likeness.plain_text(mpn), '[^[:alnum:]]', '', 'g');
  if length(v_token) >= 3 then
    if v_token = any(tokens) then
      kinds[array_position(tokens, v_token)] := case when array_position(tokens, v_token) <= main_tokens then 'c' else 'm' end;
    else
      tokens := tokens || v_token;
      kinds := kinds || 'm'::text;
    end if;
  end if;
  if size <> '' then
    v_read := likeness.tokenize_name(size, lexicon);
    for i in 1..cardinality(v_read.tokens) loop
      if v_read.kinds[i] = 'u' and not v_read.tokens[i] = any(tokens) then
        tokens := tokens || v_read.tokens[i];
        kinds := kinds || 'z'::text;
      end if;
    end loop;
  end if;
end
$$;
comment on function likeness.tokenize_product(text, text, text, text, jsonb) is
  'What matching reads of a product: the tokens of its name (see tokenize_name()), then aids to find it by, among them b words of the brand,'
  ' m the part number and z the size where the name does not have them.';
