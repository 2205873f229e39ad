"""Owns the examples of the API's description: one for each body and each answer, of one small shop.

By the names of the types; a test reads each of them as what it is an example of.
"""

from collections.abc import Mapping
from typing import Any

_AT = "2026-11-21T09:30:00Z"
_LATER = "2026-11-21T09:30:12Z"
_SHA256 = "ca25251f0215a053022b5af26d18b93557f15b4f50e25b2c1cfb840ec05597f9"
_OTHER_SHA256 = "90d321c66ed1a8c460ded6dce9584bcd4372782a3c8779c903a76c90b0953710"
_FOLDER = f"https://pictures.shop.example/api/images/{_SHA256}/"
_THUMB = f"{_FOLDER}2de738e2c277.webp"
_MEDIUM = f"{_FOLDER}76fe310f8d6c.webp"
_PLACEHOLDER = "1QcSHQRnh493V4dIh4eXh1h4kJUI"
_SOURCE = "https://pictures.acme.example/large/kettle.jpg"

_SHOWN = {
    "product_id": 17,
    "status": "cached",
    "source": "rendition",
    "url": _THUMB,
    "srcset": {"webp": f"{_THUMB} 200w, {_MEDIUM} 800w"},
    "width": 200,
    "height": 150,
    "alt": "Enamel kettle",
    "placeholder": _PLACEHOLDER,
    "retry_after": None,
    "version": _SHA256[:16],
    "is_known": True,
}
_UNKNOWN = dict.fromkeys(_SHOWN) | {
    "product_id": 4711,
    "status": "no-image",
    "srcset": {},
    "is_known": False,
}
_CANDIDATE = {
    "canonical_product_id": 4,
    "confidence": 0.81,
    "method": "name",
    "reason": "the same brand and model number",
    "name": "Acme enamel kettle 2 l",
    "brand": "Acme",
    "gtin": "04006381333931",
    "mpn": "EK-2",
    "size": "2 l",
    "products": 3,
    "picture_product_id": 17,
    "evidence": {"shared_tokens": ["acme", "kettle"]},
}
_IMAGE = {
    "image_id": 31,
    "position": 0,
    "role": "hero",
    "status": "completed",
    "attempts": 0,
    "priority": 0,
    "failure_reason": None,
    "failure_text": None,
    "queued_at": None,
    "retry_at": None,
    "mirrored_at": _AT,
    "sha256": _SHA256,
    "format": "jpeg",
    "width": 1600,
    "height": 1200,
    "bytes": 43239,
    "renditions": [{"preset": "thumb", "format": "webp", "width": 200, "url": _THUMB}],
    "source_url": "kettle.jpg",
    "fetch_url": _SOURCE,
}
_KEPT = {
    "sequence_no": 18,
    "client_key": "2026-11-21/1",
    "created_at": "2026-11-21T09:30:00+00:00",
    "seed": 7,
    "steps": 30,
    "url": "https://pictures.shop.example/kettle.png",
    "prompt": "A kettle on a table",
    "model": "painter-2",
}
_NEW = {name: _KEPT[name] for name in ("client_key", "url", "prompt", "model", "seed", "steps")}

FEED = f"sku,name,gtin,image_url\nEK-2,Enamel kettle,4006381333931,{_SOURCE}\n"
EXAMPLES: Mapping[str, dict[str, Any]] = {
    "Activation": {"dataset_id": 3, "run_id": 8, "queued": 1200, "failed": 2},
    "Added": {"added": 1},
    "Arrangement": {"order": [33, 31, 32]},
    "BatchAnswer": {
        "success": False,
        "processed": 8,
        "failed": 1,
        "skipped": 1,
        "errors": [
            {
                "product_id": 18,
                "error": "not-found: The host says that there is no such picture (404).",
            }
        ],
    },
    "BatchRequest": {"batch_size": 10, "force_retry": False},
    "Changes": {
        "changes": [
            {
                "review_id": 5,
                "image_id": 31,
                "product_id": 17,
                "canonical_product_id": None,
                "supplier": "acme",
                "sku": "EK-2",
                "name": "Enamel kettle",
                "position": 0,
                "noticed_at": _AT,
                "phash_distance": 30,
                "mean_difference": 41.5,
                "max_difference": 250,
                "old_sha256": _SHA256,
                "new_sha256": _OTHER_SHA256,
                "old_url": _MEDIUM,
                "new_url": _MEDIUM.replace(_SHA256, _OTHER_SHA256),
            }
        ],
        "next_after": None,
    },
    "Dataset": {"dataset_id": 3, "supplier": "acme", "name": "autumn", "status": "draft"},
    "DatasetRequest": {
        "supplier": "acme",
        "name": "autumn",
        "image_url_prefix": "https://pictures.acme.example/large/",
    },
    "Decided": {"review_id": 5, "image_id": 31},
    "DecisionRequest": {
        "queue_item_id": 5,
        "action": "confirm",
        "canonical_product_id": 4,
        "decided_by": "kim",
    },
    "DisplayUrl": _SHOWN,
    "DisplayUrls": {"context": "grid", "items": [_SHOWN, _UNKNOWN]},
    "DisplayUrlsRequest": {"product_ids": [17, 4711], "context": "grid"},
    "Import": {
        "dataset_id": 3,
        "products_new": 1200,
        "products_changed": 4,
        "products_unchanged": 9800,
        "images_new": 1300,
        "images_changed": 4,
        "images_removed": 0,
        "rejected": 1,
        "rejected_pictures": 0,
        "rejects": [{"line": 17, "column": "sku", "reason": "missing", "value": ""}],
        "columns": {"sku": ["sku"], "name": ["name"], "images": ["image_url"]},
        "activation": None,
        "matching": None,
    },
    "Judged": {"sha256": _SHA256, "verdict": "placeholder", "pictures": 40},
    "LazyAnswer": {
        "success": True,
        "status": "cached",
        "cached_urls": {"thumb": _THUMB, "medium": _MEDIUM},
        "error": None,
        "reason": None,
        "retry_after": None,
    },
    "LazyRequest": {"product_id": 17},
    "LinkRequest": {"canonical_product_id": 4, "decided_by": "kim"},
    "Match": {
        "product_id": 17,
        "action": "suggest",
        "canonical_product_id": 4,
        "confidence": 0.81,
        "method": "name",
        "reason": "the same brand and model number",
        "queue_item_id": 5,
        "candidates": [_CANDIDATE],
    },
    "MatchRequest": {"product_id": 17, "dry_run": True},
    "MergeRequest": {"canonical_product_id": 8, "into_canonical_product_id": 4},
    "NewUserImage": _NEW,
    "Placeholders": {
        "placeholders": [
            {
                "sha256": _SHA256,
                "verdict": "placeholder",
                "supplier": "acme",
                "products": 40,
                "noticed_at": _AT,
                "decided_by": None,
                "decided_at": None,
                "pictures_wanting": 40,
                "url": _THUMB,
            }
        ]
    },
    "Prefetch": {
        "products": 50,
        "unknown": 1,
        "cached": 40,
        "queued": 2,
        "raised": 7,
        "failed": 1,
    },
    "PrefetchRequest": {"product_ids": [17, 18, 19]},
    "Problem": {
        "type": "urn:likeness:problem:unknown-product",
        "title": "There is no such product",
        "status": 404,
        "detail": "There is no product 4711.",
    },
    "ProductChange": {"use_custom_image": True},
    "ProductImages": {
        "product_id": 17,
        "use_custom_image": False,
        "canonical_product_id": 4,
        "is_curated": True,
        "images": [_IMAGE],
        "removed": [{"source_url": "old-kettle.jpg", "removed_at": _AT}],
    },
    "QueuePage": {
        "items": [
            {
                "queue_item_id": 5,
                "status": "waiting",
                "product_id": 17,
                "supplier": "acme",
                "sku": "EK-2",
                "name": "Enamel kettle",
                "brand": "Acme",
                "gtin": None,
                "gtin_raw": None,
                "gtin_note": None,
                "canonical_product_id": 4,
                "confidence": 0.81,
                "reason": "the same brand and model number",
                "products_affected": 2,
                "queued_at": _AT,
                "updated_at": _AT,
                "decided_at": None,
                "decided_by": None,
                "candidates": [_CANDIDATE],
            }
        ],
        "next_after": None,
    },
    "Readiness": {
        "ready": True,
        "checks": [{"name": "database", "ok": True, "problem": None}],
    },
    "Run": {
        "run_id": 8,
        "status": "finished",
        "label": "mirror",
        "wanted": 1200,
        "stored": 1100,
        "reused": 96,
        "failed": 4,
        "failed_by_reason": {"not-found": 3, "timeout": 1},
        "remaining": 0,
        "attempted": 1203,
        "skipped": 300,
        "per_second": 100.0,
        "started_at": _AT,
        "finished_at": _LATER,
    },
    "RunRequest": {"product_ids": [17, 18], "max_concurrent": 20, "limit": 1000},
    "Say": {"decided_by": "kim", "reason": "the lids differ"},
    "Supplier": {"supplier_id": 1, "name": "acme"},
    "SupplierRequest": {
        "name": "acme",
        "hide_origin": True,
        "host_max_in_flight": 4,
        "host_min_interval": "250 milliseconds",
    },
    "SyncRequest": {"after": 17, "images": [_NEW]},
    "Upload": {
        "image_id": 31,
        "product_id": 17,
        "sha256": _SHA256,
        "format": "jpeg",
        "status": "pending",
        "is_new": True,
    },
    "UploadForm": {
        "file": "the bytes of kettle.jpg",
        "product_id": 17,
        "position": 0,
        "target": "product",
    },
    "UserImages": {"images": [_KEPT], "cursor": 18, "has_more": False},
    "Verdict": {"verdict": "placeholder", "supplier": "acme", "decided_by": "kim"},
    "changes_Decision": {"action": "approve", "decided_by": "kim"},
    "matching_Decision": {
        "decision_id": 4711,
        "action": "confirm",
        "product_id": 17,
        "canonical_product_id": 4,
        "queue_item_id": 5,
    },
}
