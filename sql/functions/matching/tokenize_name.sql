create or replace function likeness.tokenize_name(
  name text,
  lexicon jsonb,
  out tokens text[],
  out kinds text[],
  out aids text[],
  out aid_kinds text[])
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  v_text text := likeness.plain_text(name);
  v_pieces text[];
  v_piece text;
  v_next text;
  v_part text;
  v_before text;  -- the piece before, where it may belong to this one
  v_joined int := 0;  -- up to which piece a sign joined them
  v_stop text;
  v_found text[];
  v_entry jsonb;
  v_kind text;
  v_token text;
  i int := 0;
begin
  tokens := '{}';
  kinds := '{}';
  aids := '{}';
  aid_kinds := '{}';
  if v_text ~ '[0-9]' then
    if v_text ~ '"|''''' then
      v_text := regexp_replace(v_text, '([0-9])\s*(?:''''|\\?")', '\1inch ', 'g');
    end if;
    if strpos(v_text, ',') > 0 then
      v_text := regexp_replace(v_text, '([0-9]),([0-9]{3})(?![0-9])', '\1\2', 'g');
      v_text := regexp_replace(v_text, '([0-9]),([0-9])', '\1.\2', 'g');
    end if;
    if v_text ~ '[0-9][ -]?(?:fl|cu|in|x)' then
      v_text := regexp_replace(v_text, '\m([0-9.]+)[ -]?fl(?:uid)?\.? ?oz', '\1floz', 'g');
      v_text := regexp_replace(v_text, '\m([0-9.]+)[ -]?cu\.? ?(?:ft|feet)', '\1cuft', 'g');
      v_text := regexp_replace(v_text, '\m([0-9.]+)[ -]?in\M\.?', '\1inch ', 'g');
      v_text := regexp_replace(v_text, '\m([0-9]+(?:\.[0-9]+)?(?:inch)?) ?x ?(?=[0-9])', '\1 x ', 'g');
    end if;
    if strpos(v_text, 'er') > 0 then
      v_text := regexp_replace(v_text, '\m([0-9]{1,3})-?er[ -]?(?:pack|packung|pkg|set|box|karton|kiste|tray)\M', '\1pack ', 'g');
    end if;
    if strpos(v_text, '%') > 0 then
      v_text := regexp_replace(v_text, '([0-9]) ?%', '\1% ', 'g');
    end if;
  end if;
  -- Signs that join (the dash of a model number) stay for now; all others part.
  v_pieces := regexp_split_to_array(v_text, '[\s\x01-\x24\x28-\x2a\x2c\x3a-\x40\x5b-\x60\x7b-\x7f]+');
  while i < cardinality(v_pieces) loop
    i := i + 1;
    v_piece := btrim(v_pieces[i], '.-/+&''');
    v_kind := null;
    v_entry := null;
    if right(v_pieces[i], 1) = '+' and v_pieces[i] ~ '[a-z0-9]\+$' or v_pieces[i] = '+' and i = cardinality(v_pieces) then
      -- S24+ is an S24 Plus.
      v_pieces := v_pieces[:i] || 'plus'::text || v_pieces[i + 1:];
    end if;
    if v_piece = '' then
      v_before := null;
      continue;
    elsif left(v_piece, 1) = 'x' and v_piece ~ '^x[0-9]{0,2}$' and tokens[cardinality(tokens)] ~ '^[0-9.]+(?:ml|g|oz|floz)$'
          and (v_piece <> 'x' or v_pieces[i + 1] ~ '^[0-9]{1,2}$' and (v_pieces[i + 2] is null or lexicon -> ('#' || v_pieces[i + 2]) is null)) then
      -- 330 ml x 6
      i := i + case when v_piece = 'x' then 1 else 0 end;
      v_token := coalesce(nullif(substr(v_piece, 2), ''), v_pieces[i])::int || 'pack';
      v_kind := 'u';
    elsif v_piece ~ '^[0-9]' then
      -- A number with its unit, glued or apart: 500ml, 6-pack, 1.5 l, 6 x 330 ml.
      v_next := btrim(coalesce(v_pieces[i + 1], ''), '.-');
      v_found := regexp_match(v_piece, '^([0-9]{1,9}(?:\.[0-9]{1,6})?)-?([a-z%]{1,12})?$');
      if v_found[2] is not null then
        v_entry := coalesce(lexicon -> ('#' || v_found[2]), lexicon -> ('#' || regexp_replace(v_found[2], '(?<=..)s$', '')));
      elsif v_found is not null and v_next = 'x' then
        v_next := coalesce(v_pieces[i + 2], '') || coalesce(v_pieces[i + 3], '');
        if v_piece ~ '^[0-9]{1,3}$' and v_next ~ '^[0-9.]+(?:ml|cl|l|g|kg|oz|floz|lb|lt|gr|gb|tb)(?![a-z])' then
          v_entry := lexicon -> '#pack';
          i := i + 1;
        end if;
      elsif v_found is not null and v_next <> '' and v_next !~ '[0-9]' then
        v_entry := coalesce(lexicon -> ('#' || v_next), lexicon -> ('#' || regexp_replace(v_next, '(?<=..)s$', '')));
        if v_entry is not null then
          i := i + 1;
        end if;
      end if;
      if v_entry is not null then
        v_token := trim_scale(round(v_found[1]::numeric * (v_entry ->> 2)::numeric, 4)) || (v_entry ->> 1);
        v_kind := 'u';
      elsif v_piece ~ '^[0-9]+\.[0-9]+$' then
        v_token := trim_scale(v_piece::numeric)::text;
        v_kind := 'n';
      end if;
    elsif v_pieces[i + 1] = 'of' and v_pieces[i + 2] ~ '^[0-9]{1,4}$' and v_piece in ('pack', 'box', 'set', 'case', 'bundle', 'lot', 'kit') then
      v_token := v_pieces[i + 2]::int || 'pack';
      v_kind := 'u';
      i := i + 2;
    elsif v_piece = 'pack' and v_pieces[i + 1] ~ '^[0-9]{1,3}$' then
      v_token := v_pieces[i + 1]::int || 'pack';
      v_kind := 'u';
      i := i + 1;
    end if;
    if v_kind is null and v_piece !~ '[0-9]' then
      if v_piece ~ '[-/+&.]' then
        -- Words that a sign joins are words of their own: they come next. Together they are blu-ray, or a model without digits.
        v_token := regexp_replace(v_piece, '[-/+&''.]', '', 'g');
        if length(v_token) between 3 and 10 and not v_token = any(aids) then
          aids := aids || v_token;
          aid_kinds := aid_kinds || 'q'::text;
        end if;
        if not lexicon ? v_token or lexicon -> v_token ->> 0 not in ('v', 'k') then
          v_found := regexp_split_to_array(v_piece, '[-/+&.]+');
          v_joined := i + cardinality(v_found);
          v_pieces := v_pieces[:i] || v_found || v_pieces[i + 1:];
          continue;
        end if;
        v_piece := v_token;
      end if;
      v_token := replace(regexp_replace(v_piece, '''s$', ''), '''', '');
      if length(v_token) >= 4 and v_token ~ '[^s]s$' and not lexicon ? v_token then
        v_token := left(v_token, -1);
      end if;
      v_entry := lexicon -> v_token;
      v_kind := coalesce(v_entry ->> 0, case when v_token ~ '^[b-df-hj-np-tv-xz]{4,}$' then 'c' else 'w' end);
      v_token := coalesce(v_entry ->> 1, v_token);
      if v_token ~ '^[ -~]?$' then
        -- A letter that stands alone is no word, but Model S is not Model X. Those that are words of some language count at an end only.
        if v_token ~ '^[a-z]$' and v_pieces[i] !~ '/' and kinds <> '{}' and not '~' || v_token = any(aids)
           and (v_kind <> 's' and v_token not in ('e', 'o', 'u') or coalesce(v_pieces[i + 1], '') ~ '^([0-9]|$)')
           and not (v_token = 'x' and tokens[cardinality(tokens)] ~ '^[0-9]') and not (v_token = 's' and kinds[cardinality(kinds)] in ('v', 'd')) then
          aids := aids || ('~' || v_token);
          aid_kinds := aid_kinds || case when i > v_joined then 'x' else 'y' end::text;
        end if;
        v_kind := 's';
      end if;
      if v_kind = 's' and kinds[cardinality(kinds)] in ('w', 'v', 'd') and v_pieces[i + 1] <> ''
         and (v_piece in ('for', 'fur', 'fuer', 'pour', 'para', 'voor')
              or v_piece in ('with', 'mit', 'avec', 'con') and tokens[cardinality(tokens)] ~ '^[ck]ompatib') then
        -- What stands before it is the thing, what comes after is something else.
        v_stop := tokens[cardinality(tokens) - case when tokens[cardinality(tokens)] ~ '^[ck]ompatib|^passend' and cardinality(tokens) > 1 then 1 else 0 end];
        if not '~for ' || v_stop = any(aids) then
          aids := aids || ('~for ' || v_stop);
          aid_kinds := aid_kinds || 'x'::text;
        end if;
      elsif v_piece in ('to', 'auf', 'zu', 'vers') and v_pieces[i + 1] ~ '^[a-z]' and v_text ~ 'cable|kabel|adapt|[ck]onverter|cavo|\mcord' then
        v_stop := '~to ' || regexp_replace(v_pieces[i + 1], '[^a-z0-9]', '', 'g');
        if not v_stop = any(aids) then
          aids := aids || v_stop;
          aid_kinds := aid_kinds || 'x'::text;
        end if;
      end if;
    elsif v_kind is null then
      v_token := regexp_replace(v_piece, '[-/+&''.]', '', 'g');
      v_kind := case when v_token ~ '[^0-9]' or length(v_token) >= 5 then 'c' else 'n' end;
      if v_piece ~ '[-/+&.]' then
        foreach v_part in array regexp_split_to_array(v_piece, '[-/+&.]+') loop
          if length(v_part) >= 2 and not v_part = any(aids) then
            aids := aids || v_part;
            aid_kinds := aid_kinds || 'p'::text;
          end if;
        end loop;
      end if;
    end if;
    -- Neighbours that may be one model number, written apart: ps lx350h, sl 130, 410 a.
    if v_kind <> 'u' and length(v_before) + length(v_token) >= 3
       and (v_kind in ('c', 'n') and v_before ~ '^[^0-9]{1,5}$' or v_kind not in ('c', 'n') and length(v_token) <= 2 and v_before ~ '[0-9]')
       and not (v_before || v_token) = any(aids) then
      aids := aids || (v_before || v_token);
      aid_kinds := aid_kinds || 'j'::text;
    end if;
    v_before := case when v_kind <> 'u' and v_token <> '' then v_token end;
    if v_kind <> 's' and not v_token = any(tokens) then
      tokens := tokens || v_token;
      kinds := kinds || v_kind;
    end if;
  end loop;
end
$$;
comment on function likeness.tokenize_name(text, jsonb) is
  'The tokens of a name in their order, without stop words, and aids to find it by. Kinds: w word, v word that changes what is sold, d detail that one may leave out, k colour,'
  ' c model number, n number, u number with its unit in the base unit (500ml); aids: j neighbours joined, p part of a model number,'
  ' q words that a sign joined, x marks (~s a letter that stands alone, y one that a sign joined, ~for case what comes before "for", ~to hdmi what a cable leads to).';
