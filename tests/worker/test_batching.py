"""Batches: each caller gets its own answer, whatever company its call had."""

import asyncio
from collections.abc import Sequence

import pytest

from worker.batching import Batcher

pytestmark = pytest.mark.anyio


async def test_calls_that_come_together_are_sent_together() -> None:
    sent: list[list[int]] = []

    async def double(items: Sequence[int]) -> list[int]:
        sent.append(list(items))
        return [2 * item for item in items]

    batcher = Batcher(double)
    answers = await asyncio.gather(*(batcher.call(n) for n in range(5)))
    assert answers == [0, 2, 4, 6, 8]
    assert sent == [[0, 1, 2, 3, 4]]


async def test_what_comes_during_a_call_goes_with_the_next_one() -> None:
    sent: list[list[int]] = []
    first_is_under_way, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(items: Sequence[int]) -> list[int]:
        sent.append(list(items))
        first_is_under_way.set()
        await may_answer.wait()
        return list(items)

    batcher = Batcher(slow)
    calls = [asyncio.create_task(batcher.call(1))]
    await first_is_under_way.wait()
    calls += [asyncio.create_task(batcher.call(n)) for n in (2, 3)]
    await asyncio.sleep(0)
    may_answer.set()
    assert await asyncio.gather(*calls) == [1, 2, 3]
    assert sent == [[1], [2, 3]]


async def test_a_batch_holds_no_more_than_its_limit() -> None:
    sizes: list[int] = []

    async def count(items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        return list(items)

    batcher = Batcher(count, most=3)
    await asyncio.gather(*(batcher.call(n) for n in range(7)))
    assert sizes == [3, 3, 1]


async def test_an_error_reaches_every_caller_of_its_batch_and_no_other() -> None:
    async def refuse_odd(items: Sequence[int]) -> list[int]:
        if items[0] % 2:
            raise ValueError("odd")
        return list(items)

    batcher = Batcher(refuse_odd, most=2)
    results = await asyncio.gather(*(batcher.call(n) for n in (1, 3, 2, 4)), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, ValueError, int, int]


async def test_a_caller_that_gave_up_does_not_disturb_the_others() -> None:
    async def echo(items: Sequence[int]) -> list[int]:
        return list(items)

    batcher = Batcher(echo, linger=lambda: 0.01)
    given_up, kept = (asyncio.create_task(batcher.call(n)) for n in (1, 2))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await kept == 2
