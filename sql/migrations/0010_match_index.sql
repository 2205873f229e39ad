-- What matching by name reads: word lists and weights that people may edit, and the index over the names of canonical products.

-- Both are trusted: the owner of the database may create them. They belong to no schema of ours, since our functions are made anew.
create extension if not exists pg_trgm with schema public;
create extension if not exists fuzzystrmatch with schema public;

alter table likeness.canonical_products
  add column mpn text,
  add column size text,
  add column price numeric(14, 4);
comment on column likeness.canonical_products.mpn is 'The manufacturer''s part number, where known.';
comment on column likeness.canonical_products.size is 'Size or content, where known.';
comment on column likeness.canonical_products.price is 'A usual price, where known; used as evidence in matching only.';

create table likeness.match_words (
  word text collate "C" constraint word_is_lower_case_and_plain check (word = lower(word) and word ~ '^\S+$'),
  kind text not null constraint word_kind_is_known check (kind in ('stop', 'variant', 'colour', 'unit', 'synonym')),
  means text,
  factor double precision constraint factor_is_positive check (factor > 0),
  constraint unit_has_base_and_factor check ((kind = 'unit') = (factor is not null) and (kind <> 'unit' or means is not null)),
  constraint synonym_says_of_what check (kind <> 'synonym' or means is not null),
  constraint match_words_pkey primary key (word, kind)
);
comment on table likeness.match_words is 'Words that mean something to matching by name. A catalogue team edits it, then calls rebuild_match_index().';
comment on column likeness.match_words.word is 'As it stands in a name: lower case, without accents, a plural s taken off.';
comment on column likeness.match_words.kind is
  'stop: says nothing. variant: changes what is sold (refill, mini, decaf). colour. unit: follows a number. synonym: another spelling.';
comment on column likeness.match_words.means is 'The word that stands for it (black for noir); of a unit the one that it is counted in (ml for litre).';
comment on column likeness.match_words.factor is 'Of a unit: how many of the one that it is counted in.';
comment on index likeness.match_words_pkey is 'Serves match_lexicon().';

insert into likeness.match_words (word, kind)
select distinct w, 'stop' from unnest(string_to_array(
  'the and for with of in a an to by or from on at as is your this that de la le les et du des en el los las y con para por al un une und mit fur'
  ' der die das von im di da il per em au aux avec pour sur w &', ' ')) w;
insert into likeness.match_words (word, kind)
select w, 'variant' from unnest(string_to_array(
  'compatible replacement remanufactured refurbished renewed used preowned oem bundle kit case cover skin charger adapter cable battery mount bracket'
  ' stand remote accessory refill upgrade academic education student trial demo license renewal subscription mini micro nano pro plus max lite ultra super'
  ' deluxe premium standard basic starter home professional enterprise ultimate extra light diet zero decaf decaffeinated organic unsweetened'
  ' sweetened unsalted salted vegan vegetarian fat low lowfat nonfat reduced sugar free gluten family xl xxl large small medium twin double single triple'
  ' dual left right front rear men women kid boy girl junior lady unisex baby adult wireless wired bluetooth indoor outdoor portable', ' ')) w;
insert into likeness.match_words (word, kind, means)
select s[i], 'colour', s[1]
  from (values
    ('black noir noire schwarz nero nera negro negra preto preta zwart sort svart cerny'), ('white blanc blanche weiss bianco bianca blanco blanca branco branca wit hvid vit'),
    ('red rouge rot rosso rossa rojo roja vermelho rood rod'), ('blue bleu bleue blau blu azul blauw bla'), ('green vert verte grun verde groen gron'),
    ('yellow jaune gelb giallo gialla amarillo amarilla amarelo geel gul'), ('silver argent silber argento plata prata zilver solv'),
    ('gold golden gouden dourado dorado'), ('grey gray gri grau grigio gris cinza grijs gra'), ('pink rosa roze'), ('purple violet lila violett viola morado roxo paars'),
    ('orange arancione naranja laranja oranje'), ('brown brun braun marrone marron marrom bruin'), ('beige'), ('cyan ciano'), ('magenta'), ('navy'), ('titanium titan'),
    ('graphite'), ('turquoise turkis'), ('bronze'), ('ivory'), ('burgundy'), ('teal'), ('khaki')) c (words)
 cross join lateral string_to_array(c.words, ' ') s
 cross join lateral generate_subscripts(s, 1) i;
insert into likeness.match_words (word, kind, means, factor)
select s[i], 'unit', u.base, u.factor
  from (values
    ('g', 1, 'g gr gram gramm gramme'), ('g', 1000, 'kg kilo kilogram kilogramm'), ('g', 0.001, 'mg milligram'), ('mcg', 1, 'mcg'),
    ('ml', 1, 'ml milliliter millilitre'), ('ml', 10, 'cl'), ('ml', 100, 'dl'), ('ml', 1000, 'l lt ltr liter litre litro'),
    ('oz', 1, 'oz ounce'), ('oz', 16, 'lb pound'), ('floz', 1, 'floz'), ('floz', 128, 'gal gallon'), ('floz', 32, 'qt quart'), ('floz', 16, 'pt pint'),
    ('gb', 1, 'gb go gigabyte'), ('gb', 1024, 'tb terabyte'), ('mb', 1, 'mb megabyte'),
    ('mhz', 1, 'mhz'), ('mhz', 1000, 'ghz'), ('khz', 1, 'khz'), ('hz', 1, 'hz'), ('mp', 1, 'mp megapixel'),
    ('mm', 1, 'mm millimeter millimetre'), ('mm', 10, 'cm centimeter centimetre'), ('mm', 1000, 'm meter metre mt'),
    ('in', 1, 'inch zoll pouce pulgada'), ('ft', 1, 'ft feet foot'), ('ft', 3, 'yd yard'),
    ('w', 1, 'w watt'), ('v', 1, 'v volt'), ('va', 1, 'va'), ('mah', 1, 'mah'), ('mah', 1000, 'ah'), ('amp', 1, 'amp'),
    ('rpm', 1, 'rpm'), ('dpi', 1, 'dpi'), ('btu', 1, 'btu'), ('cuft', 1, 'cuft'), ('port', 1, 'port'), ('channel', 1, 'channel ch'), ('pin', 1, 'pin'),
    ('sheet', 1, 'sheet'), ('user', 1, 'user'), ('bit', 1, 'bit'), ('tablet', 1, 'tab tablet'), ('capsule', 1, 'cap capsule'), ('serving', 1, 'serving'),
    ('roll', 1, 'roll'), ('bag', 1, 'bag teabag'), ('year', 1, 'year yr'), ('page', 1, 'page seite pagini pagina'), ('percent', 1, '%'),
    ('pack', 1, 'pack pk ct count pc piece pce ea stk stuck er unit')) u (base, factor, words)
 cross join lateral string_to_array(u.words, ' ') s
 cross join lateral generate_subscripts(s, 1) i;
insert into likeness.match_words (word, kind, means)
values ('color', 'synonym', 'colour'), ('flavor', 'synonym', 'flavour'), ('flavored', 'synonym', 'flavoured'), ('yogurt', 'synonym', 'yoghurt'),
  ('licence', 'synonym', 'license'), ('mens', 'synonym', 'men'), ('womens', 'synonym', 'women');

create table likeness.match_weights (
  name text constraint match_weights_pkey primary key,
  place smallint constraint match_weights_place_key unique constraint place_counts_from_one check (place > 0),
  weight double precision not null,
  meaning text not null
);
comment on table likeness.match_weights is 'The constants of matching by name, all of them.';
comment on column likeness.match_weights.name is 'Which constant.';
comment on column likeness.match_weights.place is 'Of a feature: its place in the array that compare_names() returns.';
comment on column likeness.match_weights.weight is 'What it adds to the log-odds of a match, or the constant itself.';
comment on column likeness.match_weights.meaning is 'What it is about, and for a constant where it comes from.';
comment on index likeness.match_weights_pkey is 'Serves score_candidates().';
comment on index likeness.match_weights_place_key is 'Keeps two features from one place.';
insert into likeness.match_weights (name, place, weight, meaning) values
  ('base', null, -5.5, 'Log-odds of a candidate before anything is known. All features were fitted at once by conditional logit (one of the candidates, or none) on three sets of names, each of equal weight, signs bound, l2 0.00005; each set held out in turn gave the figures in docs/matching.md; then lowered by 0.1, so that links are a little surer than that.'),
  ('sharpness', null, 1.2, 'The log-odds of the probability are stretched by it: the fit errs on the side of doubt. Chosen with lift so that held-out sets keep a calibration error of at most 0.08.'),
  ('lift', null, 0.3, 'Added to them afterwards.'),
  ('most_despite_contradiction', null, 0.69, 'The most confidence where an amount or a colour contradicts: for a person to find.'),
  ('most_despite_doubt', null, 0.84, 'The most where a brand, a number or a model number contradicts, or where several canonical products have the name: a suggestion.'),
  ('shared_mass', 1, 2.32, 'How rare what both have is, together.'),
  ('mass_most', 2, 4.3, 'The same, times share_most.'),
  ('equal_mass', 3, 3.4, 'The same, where the names are equal.'),
  ('share_most', 4, 0.81, 'The greater of the two shares of a name, by weight, that the other has.'),
  ('full_candidate', 5, 0.23, 'The product has every token of the candidate.'),
  ('model', 6, 2.61, 'A model number agrees: its weight.'),
  ('long_model', 7, 3.72, 'The same, where it is long enough to be nobody else''s.'),
  ('near_model', 8, 2.04, 'A model number is part of the other: its weight, where none agrees.'),
  ('other_model', 9, -1.12, 'Model numbers that look alike and differ, where no long one agrees.'),
  ('second_model', 10, -1.92, 'The same where a long one agrees.'),
  ('mpn', 11, 1.0, 'The agreeing model number was given as the part number. Not fitted: no set has the field.'),
  ('units_same', 12, 0.65, 'Amounts with a unit that agree, at most two.'),
  ('units_differ', 13, -3.07, 'An amount contradicts.'),
  ('numbers_differ', 14, -1.55, 'Each has a bare number that the other has not.'),
  ('colour_same', 15, 0.74, 'A colour agrees.'),
  ('colour_differ', 16, -4.26, 'Both name a colour, and none agrees.'),
  ('brand_same', 17, 0.34, 'The brand agrees.'),
  ('brand_differ', 18, -2.26, 'The brands differ.'),
  ('slot', 19, -0.24, 'Another word in the same place.'),
  ('rest_unknown', 20, 1.39, 'Weight of words of the product that no name of the catalogue has: shops'' own talk.'),
  ('rest_both', 21, -0.26, 'Words left over on both sides: the lesser weight.'),
  ('heads_differ', 22, -1.08, 'Neither name has the other''s first word.'),
  ('variants', 23, -0.15, 'Words that change what is sold, on one side only.'),
  ('price_near', 24, 1.11, 'The prices are within a fifth of each other.'),
  ('price_far', 25, -1.34, 'One price is more than twice the other.'),
  ('m_slot', 26, -1.82, 'slot, where a long model number agrees.'),
  ('m_numbers_differ', 27, -1.03, 'numbers_differ, where a long model number agrees.'),
  ('m_heads_differ', 28, -0.4, 'heads_differ, where a long model number agrees.');

create table likeness.match_names (
  canonical_product_id bigint constraint match_names_pkey primary key
    constraint match_names_canonical_product_id_fkey references likeness.canonical_products on delete cascade,
  main_tokens smallint not null,
  price real,
  source_hash bigint not null,
  name_key text not null,
  tokens text[] not null,
  kinds text[] not null,
  brand_tokens text[] not null,
  constraint each_token_has_a_kind check (cardinality(kinds) = cardinality(tokens))
);
comment on table likeness.match_names is 'The name of each canonical product, read into tokens once, so that a comparison reads one row.';
comment on column likeness.match_names.canonical_product_id is 'Whose name.';
comment on column likeness.match_names.main_tokens is 'How many of its tokens are the words of the name in their order; aids follow them.';
comment on column likeness.match_names.price is 'Its usual price, where known.';
comment on column likeness.match_names.source_hash is 'Of the texts that it was read from: tells what has changed since.';
comment on column likeness.match_names.name_key is 'The words of the name, joined again: equal for names that differ in nothing that counts.';
comment on column likeness.match_names.tokens is 'See tokenize_product().';
comment on column likeness.match_names.kinds is 'One letter for each token; see tokenize_product().';
comment on column likeness.match_names.brand_tokens is 'The words of the brand, where the brand is given.';
comment on index likeness.match_names_pkey is 'Serves score_candidates() and the foreign key of canonical_products.';

create table likeness.match_tokens (
  token text collate "C" constraint match_tokens_pkey primary key,
  names int not null,
  canonical_product_ids bigint[]
);
comment on table likeness.match_tokens is 'Posting lists: which canonical products have a token in their name.';
comment on column likeness.match_tokens.token is 'A token, "=" and a whole name, or "+" and two neighbours that are both common.';
comment on column likeness.match_tokens.names is 'How many canonical products have it.';
comment on column likeness.match_tokens.canonical_product_ids is 'Which; null when there are too many to be of use. May name some that were renamed or deleted since.';
comment on index likeness.match_tokens_pkey is 'Serves score_candidates().';

create table likeness.match_recent_tokens (
  token text collate "C",
  canonical_product_id bigint
    constraint match_recent_tokens_canonical_product_id_fkey references likeness.canonical_products on delete cascade,
  constraint match_recent_tokens_pkey primary key (token, canonical_product_id)
);
comment on table likeness.match_recent_tokens is 'What was added to the posting lists since they were last folded: one small row each, so that an addition is cheap and found at once.';
comment on column likeness.match_recent_tokens.token is 'As in match_tokens.';
comment on column likeness.match_recent_tokens.canonical_product_id is 'Who has it.';
comment on index likeness.match_recent_tokens_pkey is 'Serves score_candidates().';
create index match_recent_tokens_product_idx on likeness.match_recent_tokens (canonical_product_id);
comment on index likeness.match_recent_tokens_product_idx is 'Serves index_canonical_products() and the foreign key of canonical_products.';

create table likeness.match_index_state (
  is_current boolean default true constraint match_index_state_pkey primary key constraint one_index_only check (is_current),
  names int not null,
  reading bigint,
  rebuilt_at timestamptz
);
comment on table likeness.match_index_state is 'How large the catalogue was when its posting lists were last folded or rebuilt: one row.';
comment on column likeness.match_index_state.is_current is 'Always true: there is one row.';
comment on column likeness.match_index_state.names is 'Canonical products in match_tokens.';
comment on column likeness.match_index_state.reading is 'How names were read for it, as match_reading() told then.';
comment on column likeness.match_index_state.rebuilt_at is 'When rebuild_match_index() last ran.';
comment on index likeness.match_index_state_pkey is 'Keeps the table at one row.';
insert into likeness.match_index_state (names) values (0);
