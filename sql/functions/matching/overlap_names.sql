create or replace function likeness.overlap_names(a text, b text)
returns real
language plpgsql
stable parallel safe
set search_path = ''
as $$
declare
  v_a text[];
  v_b text[];
  v_weights jsonb;
  v_shared_a float := 0;
  v_all_a float := 0;
  v_shared_b float := 0;
  v_all_b float := 0;
  v_weight float;
  v_found boolean[];
  v_is_found boolean;
begin
  if a = b then
    return 1;
  end if;
  select array_agg(distinct w.word) into v_a
    from (select regexp_replace(m[1], '(?<=...)(?<!s)s$', '') as word from regexp_matches(likeness.plain_text(a), '[[:alnum:]]+', 'g') m) w
   where length(w.word) >= 3 or w.word ~ '^[0-9]+$';
  select array_agg(distinct w.word) into v_b
    from (select regexp_replace(m[1], '(?<=...)(?<!s)s$', '') as word from regexp_matches(likeness.plain_text(b), '[[:alnum:]]+', 'g') m) w
   where length(w.word) >= 3 or w.word ~ '^[0-9]+$';
  if v_a is null or v_b is null then
    return null;
  end if;
  -- A word that many names have says little.
  select jsonb_object_agg(t.token, t.names) into v_weights
    from likeness.match_tokens t
   where t.token = any(v_a || v_b);
  v_weight := (select greatest(s.names, 100) from likeness.match_index_state s);
  v_found := array_fill(false, array[cardinality(v_b)]);
  for i in 1..cardinality(v_a) loop
    v_is_found := false;
    for j in 1..cardinality(v_b) loop
      -- The same word, or the same beginning: chocolat and chocolate, barre and barres.
      if v_a[i] = v_b[j]
         or length(v_a[i]) >= 4 and length(v_b[j]) >= 4
            and left(v_a[i], greatest(4, (0.6 * greatest(length(v_a[i]), length(v_b[j])))::int))
              = left(v_b[j], greatest(4, (0.6 * greatest(length(v_a[i]), length(v_b[j])))::int)) then
        v_is_found := true;
        v_found[j] := true;
      end if;
    end loop;
    v_all_a := v_all_a + ln(1 + v_weight / (1 + coalesce((v_weights ->> v_a[i])::int, 0)));
    if v_is_found then
      v_shared_a := v_shared_a + ln(1 + v_weight / (1 + coalesce((v_weights ->> v_a[i])::int, 0)));
    end if;
  end loop;
  for j in 1..cardinality(v_b) loop
    v_all_b := v_all_b + ln(1 + v_weight / (1 + coalesce((v_weights ->> v_b[j])::int, 0)));
    if v_found[j] then
      v_shared_b := v_shared_b + ln(1 + v_weight / (1 + coalesce((v_weights ->> v_b[j])::int, 0)));
    end if;
  end loop;
  return greatest(v_shared_a / v_all_a, v_shared_b / v_all_b);
end
$$;
comment on function likeness.overlap_names(text, text) is
  'How much of the shorter name the other one has, 0 to 1, rare words counting more; null where a name has no words. Beside a barcode only: it knows nothing of model numbers or sizes.';
