create or replace function likeness.compare_names(
  a_tokens text[], a_kinds text[], a_weights real[], a_main int, a_key text, a_brand text[], a_price real,
  b_tokens text[], b_kinds text[], b_weights real[], b_main int, b_key text, b_brand text[], b_price real,
  full_weight real,
  out features real[],
  out facts jsonb)
language plpgsql
immutable parallel safe
set search_path = ''
as $$
declare
  v_a int := cardinality(a_tokens);
  v_b int := cardinality(b_tokens);
  v_found_a real[] := array_fill(0::real, array[v_a]);  -- how well each token is found on the other side
  v_found_b real[] := array_fill(0::real, array[v_b]);
  v_like real;
  v_weight real;
  v_kind text;
  v_token text;
  v_token_a text;
  v_firsts text[];
  v_left int;
  v_right int;
  v_value numeric;
  v_base text;
  v_text text;
  v_text_pack text;
  v_all_a real := 0;
  v_all_b real := 0;
  v_shared_a real := 0;
  v_shared_b real := 0;
  v_rest_a real := 0;      -- weight of what is not found at all
  v_rest_b real := 0;
  v_unknown real := 0;     -- the part of it that no name of the catalogue has
  v_rest_words real := 0;  -- the part of v_rest_b that is no model number
  v_least real;
  v_most real;
  v_model real := 0;       -- weight of a model number that agrees
  v_long_model real := 0;  -- the same of one that is long enough to be nobody else's
  v_near_model real := 0;
  v_other_model real := 0; -- weight of two model numbers that look alike and differ
  v_model_a text;
  v_other_a text;
  v_other_b text;
  v_mpn real := 0;
  v_slot real := 0;
  v_slot_a text;
  v_slot_b text;
  v_slot_kind text;
  v_word text;             -- the rarest word that both have
  v_word_weight real := 0;
  v_units_same int := 0;
  v_units_differ int := 0;
  v_unit_same boolean;
  v_unit_other text;
  v_number_a text;
  v_number_b text;
  v_colours_a text[] := '{}';
  v_colours_b text[] := '{}';
  v_colour int := 0;
  v_variants text[] := '{}';
  v_edition constant text := '^(?:pro|plus|max|mini|micro|nano|lite|ultra|super|xl|xxl|kid|case|cover|cable|charger|refill|bundle|kit)$';
  v_size constant text := '^(?:xl|xxl|mini|micro|nano)$';
  v_only text[] := '{}';   -- what one side alone says, and what makes it another thing
  v_words_a int := 0;      -- how many words are not found at all
  v_words_b int := 0;
  v_is_rest boolean := false;  -- and whether a number is not, either
  v_word_a text;
  v_word_b text;
  v_suffix_a text;         -- two numbers of which one has letters more
  v_suffix_b text;
  v_is_same_shape boolean := false;
  v_brand int := 0;
  v_price real;
  j int;
  i_mpn int;
begin
  facts := '[]';
  for i in 1..v_a loop
    j := array_position(b_tokens, a_tokens[i]);
    if j is not null then
      v_found_a[i] := 1;
      v_found_b[j] := 1;
      v_kind := a_kinds[i];
      if v_kind in ('w', 'v', 'd') and a_weights[i] > v_word_weight then
        v_word := a_tokens[i];
        v_word_weight := a_weights[i];
      end if;
      -- Neighbours joined on both sides are two words that agree, and no model number.
      if (v_kind in ('c', 'm') or b_kinds[j] in ('c', 'm') or v_kind = 'p' and b_kinds[j] = 'p' and a_tokens[i] ~ '[0-9]') and length(a_tokens[i]) >= 3 then
        v_weight := greatest(a_weights[i], b_weights[j]) * case when v_kind = 'p' and b_kinds[j] = 'p' or length(a_tokens[i]) = 3 then 0.7 else 1 end;
        if v_weight > v_model then
          v_model := v_weight;
          v_model_a := a_tokens[i];
        end if;
        if length(a_tokens[i]) >= 5 and a_tokens[i] ~ '[0-9].*[0-9]|^[^0-9]+$' and (v_kind in ('c', 'm') or b_kinds[j] in ('c', 'm')) then
          v_long_model := greatest(v_long_model, v_weight);
        end if;
        if v_kind = 'm' or b_kinds[j] = 'm' then
          v_mpn := 1;
        end if;
      end if;
    end if;
  end loop;
  -- Slips, and numbers within numbers: they begin alike, so only those are looked at. 302 and 302XL are two things, however alike.
  v_firsts := array(select left(t.token, 1) from unnest(b_tokens) with ordinality t (token, place) order by t.place);
  for i in 1..v_a loop
    if v_found_a[i] < 1 then
      v_token := a_tokens[i];
      v_kind := a_kinds[i];
      j := array_position(v_firsts, left(v_token, 1));
      while j is not null loop
        if v_found_b[j] < 1 then
          if v_model = 0 and v_kind in ('c', 'n') and (starts_with(v_token, b_tokens[j]) or starts_with(b_tokens[j], v_token))
             and b_kinds[j] in ('c', 'n') and i <= a_main and j <= b_main
             and likeness.suffix_differs(v_token, b_tokens[j], a_tokens, b_tokens) then
            v_suffix_a := v_token;
            v_suffix_b := b_tokens[j];
          end if;
          v_like := likeness.token_likeness(v_token, v_kind, b_tokens[j], b_kinds[j]);
          if v_like > 0 then
            v_found_a[i] := greatest(v_found_a[i], v_like);
            v_found_b[j] := greatest(v_found_b[j], v_like);
            if v_kind in ('c', 'j', 'm', 'p', 'n') and b_kinds[j] in ('c', 'j', 'm', 'p') then
              v_near_model := greatest(v_near_model, greatest(a_weights[i], b_weights[j]) * v_like);
            end if;
          elsif v_kind = 'w' and j < b_main and v_token = b_tokens[j] || b_tokens[j + 1] then
            -- Two words there, one here.
            v_found_a[i] := 1;
            v_found_b[j] := 1;
            v_found_b[j + 1] := 1;
          elsif i < a_main and b_kinds[j] = 'w' and b_tokens[j] = v_token || a_tokens[i + 1] then
            v_found_b[j] := 1;
            v_found_a[i] := 1;
            v_found_a[i + 1] := 1;
          end if;
        end if;
        j := array_position(v_firsts, left(v_token, 1), j + 1);
      end loop;
    end if;
  end loop;

  for i in 1..a_main loop
    v_weight := least(a_weights[i], full_weight);
    v_like := v_found_a[i];
    v_all_a := v_all_a + v_weight;
    v_shared_a := v_shared_a + v_weight * v_like;
    v_kind := a_kinds[i];
    if v_like = 0 then
      v_token_a := a_tokens[i];
      v_rest_a := v_rest_a + v_weight;
      if a_weights[i] > full_weight then
        v_unknown := v_unknown + v_weight;
      end if;
      if v_kind = 'n' then
        v_number_a := coalesce(v_number_a, a_tokens[i]);
      elsif v_kind in ('v', 'd') then
        v_variants := v_variants || a_tokens[i];
        -- Beside a model number that agrees it is talk, but for an edition or accessory right after it: S24 Ultra. A long one says its size itself.
        if v_kind = 'v' and (v_model = 0
                             or i > 1 and v_found_a[i - 1] > 0 and a_kinds[i - 1] <> 'u' and a_tokens[i - 1] ~ '[0-9]'
                                and a_tokens[i] ~ v_edition and (v_long_model = 0 or a_tokens[i] !~ v_size)) then
          v_only := v_only || a_tokens[i];
        end if;
      end if;
      if v_kind in ('c', 'n') then
        v_is_rest := true;
      elsif v_kind <> 'u' then
        v_words_a := v_words_a + 1;
        v_word_a := v_token_a;
      end if;
      if v_kind = 'c' then
        j := array_position(b_kinds, 'c');
        while j is not null loop
          if v_found_b[j] < 1 and least(v_weight, b_weights[j]) > v_other_model
             and (translate(v_token_a, '0123456789', '9999999999') = translate(b_tokens[j], '0123456789', '9999999999')
                  or left(v_token_a, 3) = left(b_tokens[j], 3)
                  or public.levenshtein_less_equal(left(v_token_a, 40), left(b_tokens[j], 40), 2) <= 2) then
            v_other_model := least(v_weight, b_weights[j]);
            v_other_a := v_token_a;
            v_other_b := b_tokens[j];
            v_is_same_shape := translate(v_token_a, '0123456789', '9999999999') = translate(b_tokens[j], '0123456789', '9999999999');
          end if;
          j := array_position(b_kinds, 'c', j + 1);
        end loop;
      end if;
      -- Another word in the same place: between the same neighbours, or beside one of them.
      v_left := case when i > 1 then array_position(b_tokens, a_tokens[i - 1]) + 1 end;
      v_right := case when i < a_main then array_position(b_tokens, a_tokens[i + 1]) - 1 end;
      if v_left <= b_main and v_found_b[v_left] = 0 then
        v_like := least(v_weight, b_weights[v_left]) * case when v_left = v_right then 1 else 0.7 end;
        if v_like > v_slot then
          v_slot := v_like;
          v_slot_a := v_token_a;
          v_slot_kind := v_kind;
          v_slot_b := b_tokens[v_left];
        end if;
      end if;
      if v_right between 1 and b_main and v_found_b[v_right] = 0 then
        v_like := least(v_weight, b_weights[v_right]) * 0.7;
        if v_like > v_slot then
          v_slot := v_like;
          v_slot_a := v_token_a;
          v_slot_kind := v_kind;
          v_slot_b := b_tokens[v_right];
        end if;
      end if;
    end if;
    if v_kind = 'k' then
      v_colours_a := v_colours_a || a_tokens[i];
    end if;
  end loop;
  for j in 1..b_main loop
    v_weight := least(b_weights[j], full_weight);
    v_like := v_found_b[j];
    v_all_b := v_all_b + v_weight;
    v_shared_b := v_shared_b + v_weight * v_like;
    v_kind := b_kinds[j];
    if v_like = 0 then
      v_rest_b := v_rest_b + v_weight;
      if v_kind <> 'c' then
        v_rest_words := v_rest_words + v_weight;
      end if;
      if v_kind = 'n' then
        v_number_b := coalesce(v_number_b, b_tokens[j]);
      elsif v_kind in ('v', 'd') then
        v_variants := v_variants || b_tokens[j];
        if v_kind = 'v' and (v_model = 0
                             or j > 1 and v_found_b[j - 1] > 0 and b_kinds[j - 1] <> 'u' and b_tokens[j - 1] ~ '[0-9]'
                                and b_tokens[j] ~ v_edition and (v_long_model = 0 or b_tokens[j] !~ v_size)) then
          v_only := v_only || b_tokens[j];
        end if;
      end if;
      if v_kind in ('c', 'n') then
        v_is_rest := true;
      elsif v_kind <> 'u' then
        v_words_b := v_words_b + 1;
        v_word_b := b_tokens[j];
      end if;
    end if;
    if v_kind = 'k' then
      v_colours_b := v_colours_b || b_tokens[j];
    end if;
  end loop;

  -- Part numbers that both give, and that no model number bears out.
  i_mpn := array_position(a_kinds, 'm');
  j := array_position(b_kinds, 'm');
  if v_model = 0 and v_near_model = 0 and v_found_a[i_mpn] = 0 and v_found_b[j] = 0 then
    v_other_model := full_weight;
    v_other_a := a_tokens[i_mpn];
    v_other_b := b_tokens[j];
  end if;

  -- Amounts are compared within one unit; any pair of them may agree.
  for i in 1..v_a loop
    if a_kinds[i] in ('u', 'z') then
      v_base := substring(a_tokens[i] from '[a-z]+$');
      v_value := substring(a_tokens[i] from '^[0-9.]+')::numeric;
      v_unit_same := null;
      for j in 1..v_b loop
        if b_kinds[j] in ('u', 'z') and right(b_tokens[j], length(v_base)) = v_base and substring(b_tokens[j] from '[a-z]+$') = v_base then
          if abs(substring(b_tokens[j] from '^[0-9.]+')::numeric - v_value)
               <= 0.03 * greatest(substring(b_tokens[j] from '^[0-9.]+')::numeric, v_value) then
            v_unit_same := true;
          else
            v_unit_same := coalesce(v_unit_same, false);
            v_unit_other := b_tokens[j];
          end if;
        end if;
      end loop;
      if v_unit_same then
        v_units_same := v_units_same + 1;
        facts := facts || jsonb_build_object('kind', 'amount', 'verdict', 'agrees', 'product', a_tokens[i],
                                             'text', regexp_replace(a_tokens[i], '([a-z]+)$', ' \1') || ' agrees');
      elsif not v_unit_same then
        v_units_differ := v_units_differ + 1;
        facts := facts || jsonb_build_object('kind', 'amount', 'verdict', 'contradicts', 'product', a_tokens[i], 'candidate', v_unit_other,
                                             'text', regexp_replace(a_tokens[i], '([a-z]+)$', ' \1') || ' ≠ ' || regexp_replace(v_unit_other, '([a-z]+)$', ' \1'));
      end if;
    end if;
  end loop;

  -- One of them is sold by the pack, and the other does not say so.
  v_text_pack := substring(concat_ws(' ', variadic a_tokens) from '(?:^| )([0-9.]+pack)(?: |$)');
  v_text := substring(concat_ws(' ', variadic b_tokens) from '(?:^| )([0-9.]+pack)(?: |$)');
  if (v_text_pack is null) <> (v_text is null) and coalesce(v_text_pack, v_text) <> '1pack' then
    v_variants := v_variants || coalesce(v_text_pack, v_text);
    v_only := v_only || coalesce(v_text_pack, v_text);
  end if;
  if 'x' = any(a_kinds) then
    v_only := v_only || likeness.marks_missing(a_tokens, a_kinds, v_found_a, b_tokens, v_model_a, v_long_model > 0);
  end if;
  if 'x' = any(b_kinds) then
    v_only := v_only || likeness.marks_missing(b_tokens, b_kinds, v_found_b, a_tokens, v_model_a, v_long_model > 0);
  end if;
  if v_model > 0 then
    facts := jsonb_build_array(jsonb_build_object('kind', 'model', 'verdict', 'agrees', 'product', v_model_a, 'text', format('model %L agrees', v_model_a))) || facts;
  end if;
  if v_other_model > 0 then
    facts := facts || jsonb_build_object('kind', 'model', 'verdict', case when v_long_model > 0 and not v_is_same_shape then 'differs' else 'contradicts' end, 'product', v_other_a, 'candidate', v_other_b,
                                         'text', format('model %L ≠ %L', v_other_a, v_other_b));
  end if;
  if v_colours_a <> '{}' and v_colours_b <> '{}' then
    v_colour := case when v_colours_a && v_colours_b then 1 else -1 end;
    facts := facts || jsonb_build_object('kind', 'colour', 'verdict', case v_colour when 1 then 'agrees' else 'contradicts' end,
                                         'product', array_to_string(v_colours_a, ' '), 'candidate', array_to_string(v_colours_b, ' '),
                                         'text', array_to_string(v_colours_a, ' ') || case v_colour when 1 then ' agrees' else ' ≠ ' || array_to_string(v_colours_b, ' ') end);
  end if;
  if v_number_a is not null and v_number_b is not null then
    facts := facts || jsonb_build_object('kind', 'number', 'verdict', 'contradicts', 'product', v_number_a, 'candidate', v_number_b,
                                         'text', format('number %s ≠ %s', v_number_a, v_number_b));
  end if;
  if a_brand <> '{}' or b_brand <> '{}' then
    v_brand := case
      when a_brand && b_tokens or b_brand && a_tokens then 1
      when a_brand <> '{}' and b_brand <> '{}' then -1 else 0 end;
    if v_brand <> 0 then
      facts := facts || jsonb_build_object('kind', 'brand', 'verdict', case v_brand when 1 then 'agrees' else 'contradicts' end,
                                           'text', case v_brand when 1 then 'brand agrees'
                                                   else format('brand %s ≠ %s', array_to_string(a_brand, ' '), array_to_string(b_brand, ' ')) end);
    end if;
  end if;
  if v_suffix_a is not null then
    facts := facts || jsonb_build_object('kind', 'model', 'verdict', 'contradicts', 'product', v_suffix_a, 'candidate', v_suffix_b,
                                         'text', format('%L is not %L', v_suffix_a, v_suffix_b));
  end if;
  if v_variants <> '{}' or v_only <> '{}' then
    facts := facts || jsonb_build_object('kind', 'variant', 'verdict', case when v_only = '{}' then 'differs' else 'contradicts' end,
                                         'text', format('%s on one side only', (select string_agg(distinct u.word, ', ') from unnest(v_variants || v_only) u (word))));
  end if;
  if v_model = 0 and not v_is_rest and (v_words_a = 1 and v_words_b = 1
                      or v_words_a + v_words_b = 3 and v_slot > 0 and (v_words_a = 1 and v_slot_a = v_word_a or v_words_b = 1 and v_slot_b = v_word_b)) then
    -- All else is the same: beef where the other has chicken is another thing.
    facts := facts || jsonb_build_object('kind', 'word', 'verdict', 'contradicts', 'product', v_word_a, 'candidate', v_word_b,
                                         'text', format('%L where the other has %L', v_word_a, v_word_b));
  elsif v_slot > 0 and v_slot_kind in ('w', 'v', 'd') then
    facts := facts || jsonb_build_object('kind', 'word', 'verdict', 'differs', 'product', v_slot_a, 'candidate', v_slot_b,
                                         'text', format('%L where the other has %L', v_slot_a, v_slot_b));
  end if;
  if a_key = b_key then
    facts := facts || jsonb_build_object('kind', 'name', 'verdict', 'agrees', 'text', 'the names are equal');
  elsif v_word is not null then
    facts := facts || jsonb_build_object('kind', 'word', 'verdict', 'agrees', 'product', v_word, 'text', format('%L agrees', v_word));
  end if;
  if a_price > 0 and b_price > 0 then
    v_price := abs(ln(a_price / b_price));
  end if;

  v_least := least(v_shared_a, v_shared_b) / full_weight;
  v_least := least(v_least, 4) / 4;
  v_most := least(greatest(v_shared_a / greatest(v_all_a, 0.1), v_shared_b / greatest(v_all_b, 0.1)), 1);
  features := array[
    v_least,
    v_least * v_most,
    case when a_key = b_key then v_least else 0 end,
    v_most,
    case when v_rest_b = 0 then 1 else 0 end,
    v_model / full_weight,
    v_long_model / full_weight,
    case when v_model > 0 then 0 else v_near_model / full_weight end,
    case when v_long_model > 0 then 0 else v_other_model / full_weight end,
    case when v_long_model > 0 then v_other_model / full_weight else 0 end,
    v_mpn,
    least(v_units_same, 2),
    case when v_units_differ > 0 then 1 else 0 end,
    case when v_number_a is not null and v_number_b is not null then 1 else 0 end,
    case when v_colour = 1 then 1 else 0 end,
    case when v_colour = -1 then 1 else 0 end,
    case when v_brand = 1 then 1 else 0 end,
    case when v_brand = -1 then 1 else 0 end,
    v_slot / full_weight,
    least(v_unknown / full_weight, 3) / 3,
    least(v_rest_a / full_weight, v_rest_words / full_weight, 3) / 3,
    case when v_found_a[1] = 0 and v_found_b[1] = 0 then 1 else 0 end,
    least(cardinality(v_variants), 3),
    case when v_price < 0.2 then 1 else 0 end,
    case when v_price > 0.9 then 1 else 0 end,
    case when v_long_model > 0 then v_slot / full_weight else 0 end,
    case when v_long_model > 0 and v_number_a is not null and v_number_b is not null then 1 else 0 end,
    case when v_long_model > 0 and v_found_a[1] = 0 and v_found_b[1] = 0 then 1 else 0 end
  ]::real[];
end
$$;
comment on function likeness.compare_names(text[], text[], real[], int, text, text[], real, text[], text[], real[], int, text, text[], real, real) is
  'Compares two products token by token. Features are in the order of match_weights.place; facts say what agrees and what contradicts.';
