"""A peer of the matching bench, run in an environment of its own: candidates for each product.

    matching_lane.py tfidf|rapidfuzz|splink NAMES.json OUT.json

NAMES has ``canonical`` and ``incoming``, lists of [id, name]; OUT gets, by incoming id, a list of
[canonical id, confidence], the best first. None of them is trained on a truth.
"""

import json
import math
import re
import sys
from collections import Counter
from pathlib import Path

Pairs = list[tuple[str, str]]
Found = dict[str, list[tuple[str, float]]]
_BEST = 5


def tfidf(canonical: Pairs, incoming: Pairs) -> Found:
    """Cosine of character trigrams weighted by rarity (scikit-learn)."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), lowercase=True)
    catalogue = vectorizer.fit_transform([name for _, name in canonical]).T.tocsr()
    asked = vectorizer.transform([name for _, name in incoming])
    found: Found = {}
    for begin in range(0, len(incoming), 200):
        scores = (asked[begin : begin + 200] @ catalogue).toarray()
        for (key, _), row in zip(incoming[begin : begin + 200], scores, strict=True):
            best = np.argsort(-row, kind="stable")[:_BEST]
            found[key] = [(canonical[i][0], float(min(row[i], 1))) for i in best if row[i] > 0]
    return found


def rapidfuzz(canonical: Pairs, incoming: Pairs) -> Found:
    """token_set_ratio of all pairs."""
    from rapidfuzz import fuzz, process, utils

    names = {key: utils.default_process(name) for key, name in canonical}
    found: Found = {}
    for key, name in incoming:
        best = process.extract(
            utils.default_process(name), names, scorer=fuzz.token_set_ratio, limit=_BEST
        )
        found[key] = [(other, score / 100) for _, score, other in best]
    return found


def splink(canonical: Pairs, incoming: Pairs) -> Found:
    """Fellegi-Sunter as splink fits it without labels, blocked by the rarest words."""
    import logging

    import pandas
    import splink.comparison_library as library
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.disable(logging.WARNING)
    counts = Counter(word for _, name in canonical for word in set(_words(name)))

    def frame(rows: Pairs) -> pandas.DataFrame:
        lines = []
        for key, name in rows:
            words = sorted(set(_words(name)), key=lambda word: (counts[word] or math.inf, word))
            codes = [word for word in words if re.search(r"\d", word) and len(word) > 3]
            lines.append(
                {
                    "unique_id": key,
                    "name": " ".join(_words(name)),
                    "words": words,
                    "first_word": next(iter(_words(name)), None),
                    "code": codes[0] if codes else None,
                    **{f"rare_{n}": words[n] if n < len(words) else None for n in range(3)},
                }
            )
        return pandas.DataFrame(lines)

    settings = SettingsCreator(
        link_type="link_only",
        comparisons=[
            library.JaroWinklerAtThresholds("name", [0.95, 0.88, 0.8, 0.7]),
            library.ArrayIntersectAtSizes("words", [5, 4, 3, 2, 1]),
            library.ExactMatch("first_word"),
            library.ExactMatch("code"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("rare_0"),
            block_on("rare_1"),
            "l.rare_0 = r.rare_1",
            "l.rare_1 = r.rare_0",
            block_on("code"),
        ],
    )
    linker = Linker([frame(canonical), frame(incoming)], settings, DuckDBAPI())
    rule = [block_on("rare_0", "rare_1")]
    linker.training.estimate_probability_two_random_records_match(rule, recall=0.6)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e5, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("rare_0"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("rare_1"))
    pairs = linker.inference.predict(threshold_match_probability=0.01).as_pandas_dataframe()
    known = {key for key, _ in canonical}
    found: Found = {}
    for left, right, score in zip(
        pairs["unique_id_l"], pairs["unique_id_r"], pairs["match_probability"], strict=True
    ):
        other, key = (left, right) if left in known else (right, left)
        found.setdefault(key, []).append((other, float(score)))
    return {key: sorted(best, key=lambda c: -c[1])[:_BEST] for key, best in found.items()}


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", name.lower())


if __name__ == "__main__":
    peer, source, target = sys.argv[1:]
    read = json.loads(Path(source).read_text())
    answer = {"tfidf": tfidf, "rapidfuzz": rapidfuzz, "splink": splink}[peer](
        [(key, name) for key, name in read["canonical"]],
        [(key, name) for key, name in read["incoming"]],
    )
    Path(target).write_text(json.dumps(answer))
