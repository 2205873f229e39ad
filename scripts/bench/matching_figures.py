"""How good predictions of matches are: the few figures that the matching bench prints.

A product's *top* is its candidate with the highest confidence; ``auto`` are tops at 0.85 and above.
"""

import math
from collections.abc import Mapping, Sequence

AUTO = 0.85
SUGGEST = 0.70

# Candidates of a product with their confidence, the best first.
Predictions = Mapping[str, Sequence[tuple[str, float]]]


def figures_of(
    products: Sequence[str], predictions: Predictions, truth: Mapping[str, set[str]]
) -> dict[str, float | int | None]:
    """Every figure over all products; those without an entry in ``truth`` have no match."""
    tops = [(product, *predictions[product][0]) for product in products if predictions.get(product)]
    with_match = sum(1 for product in products if truth.get(product))
    linked = [(product, found) for product, found, confidence in tops if confidence >= AUTO]
    right = sum(found in truth.get(product, ()) for product, found in linked)
    absent = len(products) - with_match
    seen = sum(
        any(found in truth[product] for found, _ in predictions.get(product, ())[:5])
        for product in products
        if truth.get(product)
    )
    suggested = sum(SUGGEST <= confidence < AUTO for _, _, confidence in tops)
    return {
        "products": len(products),
        "with_match": with_match,
        "auto_links": len(linked),
        "auto_precision": _ratio(right, len(linked)),
        "auto_precision_lower_bound_95": _lower_bound(right, len(linked)),
        "auto_recall": _ratio(right, with_match),
        "best_f1": best_f1([(c, f in truth.get(p, ())) for p, f, c in tops], with_match),
        "recall_at_5": _ratio(seen, with_match),
        "calibration_error": calibration_error([(c, f in truth.get(p, ())) for p, f, c in tops]),
        "absent_linked_ratio": _ratio(sum(not truth.get(p) for p, _ in linked), absent),
        "review_ratio": _ratio(len(products) - len(linked), len(products)),
        "suggested_ratio": _ratio(suggested, len(products)),
    }


def best_f1(tops: Sequence[tuple[float, bool]], with_match: int) -> float:
    """The best F1 of all thresholds: an oracle's, for comparison alone."""
    ordered = sorted(tops, reverse=True)
    best = 0.0
    right = 0
    for number, (confidence, is_right) in enumerate(ordered, 1):
        right += is_right
        is_last = number == len(ordered) or ordered[number][0] != confidence
        if is_last and right:
            best = max(best, 2 * right / (number + with_match))
    return round(best, 4)


def calibration_error(tops: Sequence[tuple[float, bool]]) -> float | None:
    """Mean distance of confidence from truth, in ten bins of equal width."""
    bins: dict[int, list[float]] = {}
    for confidence, is_right in tops:
        bins.setdefault(min(int(confidence * 10), 9), []).append(is_right - confidence)
    return _ratio(sum(abs(sum(bin_)) for bin_ in bins.values()), len(tops))


def _ratio(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _lower_bound(right: int, total: int) -> float | None:
    """Of the share that is right, with 95 % (Wilson)."""
    if not total:
        return None
    z = 1.96
    share = right / total
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return round((share + z * z / (2 * total) - spread) / (1 + z * z / total), 4)
