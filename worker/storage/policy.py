"""Owns the bucket policy: what the world may read.

Renditions are public by name, originals are not, and nobody may list: whoever does not know a name
learns none. An operator's own statements are read and kept.
"""

import fnmatch
from typing import Any

Policy = dict[str, Any]

EMPTY: Policy = {"Version": "2012-10-17", "Statement": []}
# Tells our statement from an operator's.
_SID = "AnyoneReadsRenditions"


def with_public_renditions(policy: Policy, bucket: str) -> Policy:
    """The policy plus the one statement that lets anyone read ``v/*``."""
    statement = {
        "Sid": _SID,
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/v/*"],
    }
    return {**policy, "Statement": [*policy["Statement"], statement]}


def without_public_renditions(policy: Policy) -> Policy:
    """The policy without the statement that ``with_public_renditions`` adds."""
    kept = [statement for statement in policy["Statement"] if statement.get("Sid") != _SID]
    return {**policy, "Statement": kept}


def renditions_are_public(policy: Policy, bucket: str) -> bool:
    """Whether the world may read renditions."""
    return _allows_everyone(policy, "s3:GetObject", f"arn:aws:s3:::{bucket}/v/x")


def leaks(policy: Policy, bucket: str) -> list[str]:
    """What the world may do that it should not, as the ends of sentences."""
    found = []
    if _allows_everyone(policy, "s3:GetObject", f"arn:aws:s3:::{bucket}/o/x"):
        found.append("read originals (o/*)")
    if _allows_everyone(policy, "s3:ListBucket", f"arn:aws:s3:::{bucket}"):
        found.append("list its objects")
    if _allows_everyone(policy, "s3:PutObject", f"arn:aws:s3:::{bucket}/v/x"):
        found.append("write renditions")
    return found


def _allows_everyone(policy: Policy, action: str, resource: str) -> bool:
    """Whether a statement without conditions allows it to the whole world."""
    return any(
        statement.get("Effect") == "Allow"
        and not statement.get("Condition")
        and _is_everyone(statement.get("Principal"))
        and _matches(statement.get("Action"), action)
        and _matches(statement.get("Resource"), resource)
        for statement in policy["Statement"]
    )


def _is_everyone(principal: object) -> bool:
    if isinstance(principal, dict):
        principal = principal.get("AWS")
    return principal == "*" or (isinstance(principal, list) and "*" in principal)


def _matches(patterns: object, value: str) -> bool:
    several = patterns if isinstance(patterns, list) else [patterns]
    return any(isinstance(p, str) and fnmatch.fnmatchcase(value, p) for p in several)
