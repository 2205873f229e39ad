"""Tests of a worker's permits; the SQL that gives slots is tested in tests/sql/test_slots.py."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from worker.errors import LostClaim
from worker.slots import Heard, Slot, SlotRequest, Slots

pytestmark = pytest.mark.anyio
_URL = "http://pictures.test/1.jpg"


class Answers:
    """In the place of likeness.take_slots(): gives prepared answers, remembers what it was told."""

    def __init__(self, *answers: Slot) -> None:
        self._answers = list(answers)
        self.told: list[Heard] = []

    async def take(
        self, requests: Sequence[SlotRequest], heard: Sequence[Heard], lag_seconds: float
    ) -> Sequence[Slot]:
        self.told += heard
        return [self._answers.pop(0) for _ in requests]


def _go(request_no: int, seconds: float) -> Slot:
    return Slot("go", closes_at=time.monotonic() + seconds, host_id=1, request_no=request_no)


async def test_a_slot_that_came_too_late_is_given_back_before_another_is_asked_for() -> None:
    answers = Answers(_go(7, seconds=-1), _go(8, seconds=60))
    permit = Slots(answers.take, lease_seconds=60).permit(5, 1)
    await permit.wait(_URL)
    assert answers.told == [Heard(1, 7, None)]
    permit.use()
    permit.heard()
    permit.give_back()
    await asyncio.sleep(0.01)
    assert [(heard.request_no, heard.latency_ms is None) for heard in answers.told] == [
        (7, True),
        (8, False),
    ]


async def test_a_slot_for_which_nothing_is_left_to_send_is_given_back() -> None:
    answers = Answers(_go(7, seconds=60))
    permit = Slots(answers.take, lease_seconds=60).permit(5, 1)
    await permit.wait(_URL)
    permit.give_back()
    permit.give_back()
    await asyncio.sleep(0.01)
    assert answers.told == [Heard(1, 7, None)]


async def test_a_slot_of_one_address_is_not_used_for_another() -> None:
    answers = Answers(_go(7, seconds=60), _go(8, seconds=60))
    permit = Slots(answers.take, lease_seconds=60).permit(5, 1)
    await permit.wait(_URL)
    await permit.wait(_URL.replace("pictures", "elsewhere"))
    assert answers.told == [Heard(1, 7, None)]


async def test_a_lost_claim_is_said_so() -> None:
    permit = Slots(Answers(Slot("lost")).take, lease_seconds=60).permit(5, 1)
    with pytest.raises(LostClaim):
        await permit.wait(_URL)
