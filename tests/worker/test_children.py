"""Tests of the pool of rendering processes, with real processes that are really killed."""

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable, Coroutine
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import uvloop
from PIL import Image

from worker.errors import LikenessError, RenderFault
from worker.pixels import children
from worker.pixels.child import FRAME
from worker.pixels.children import RenderPool
from worker.pixels.renditions import Limits, Preset, Rendered, recipe
from worker.settings import Settings

ROOT = Path(__file__).parents[2]
LIMITS = Limits(50_000_000, frozenset({"jpeg", "png", "webp"}))
THUMB = Preset("thumb", 200, 200, ("webp",), 85, 2)

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine in either event loop: uvloop is what production uses."""
    return asyncio.run if request.param == "asyncio" else uvloop.run


def picture(width: int = 300, height: int = 200) -> bytes:
    file = BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(file, "PNG")
    return file.getvalue()


# 50 megapixels of nothing: a small file, and a large picture to whoever decodes it.
LARGE = picture(8000, 6200)


def in_pool(run: Run, use: Callable[[RenderPool], Awaitable[Any]], **settings: Any) -> Any:
    """What ``use`` returns, called with a pool of one child unless ``settings`` say otherwise."""

    async def main() -> Any:
        pool = RenderPool(Settings(**{"render_processes": 1, **settings}))
        try:
            return await use(pool)
        finally:
            pool.close()

    return run(main())


async def thumb(pool: RenderPool, data: bytes | None = None) -> Rendered:
    return await pool.render(picture() if data is None else data, [THUMB], LIMITS)


async def fault(pool: RenderPool, data: bytes | None = None) -> RenderFault:
    with pytest.raises(RenderFault) as caught:
        await thumb(pool, data)
    return caught.value


async def until(true: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.01)
    assert true(), what


def lives(pid: int) -> bool:
    """Whether a process runs; one that is dead but not yet waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def about(pid: int, what: str) -> str:
    return Path(f"/proc/{pid}/{what}").read_text()


def field(pid: int, name: str) -> str:
    lines = about(pid, "status").splitlines()
    return next(line.split(":")[1].strip() for line in lines if line.startswith(name))


@contextlib.contextmanager
def stopped(pid: int) -> Any:
    """The child sleeps whatever it is asked: a decoder that hangs."""
    os.kill(pid, signal.SIGSTOP)
    yield
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def test_a_child_renders_what_its_parent_sends(run: Run) -> None:
    rendered = in_pool(run, thumb)
    assert (rendered.format, rendered.width, rendered.height) == ("png", 300, 200)
    (rendition,) = rendered.renditions
    assert Image.open(BytesIO(rendition.data)).size == (200, 133)
    assert (rendition.preset, rendition.recipe) == ("thumb", recipe(THUMB, "webp"))
    assert len(rendered.signature) == 192


def test_a_fault_of_the_picture_comes_back_whole_and_costs_no_child(run: Run) -> None:
    async def use(pool: RenderPool) -> None:
        await thumb(pool)
        before = pool.pids
        error = await fault(pool, b"<html>sign in")
        assert error.reason == "not-an-image"
        assert "HTML" in str(error)
        assert (await thumb(pool)).width == 300
        assert pool.pids == before

    in_pool(run, use)


def test_many_pictures_share_a_few_children(run: Run) -> None:
    async def use(pool: RenderPool) -> None:
        made = await asyncio.gather(
            *[pool.render(picture(100 + n, 50), [THUMB], LIMITS) for n in range(40)]
        )
        assert [rendered.width for rendered in made] == [100 + n for n in range(40)]
        assert len(pool.pids) == 2

    in_pool(run, use, render_processes=2)


def test_a_picture_that_takes_too_long_loses_its_child_and_nobody_else_does(run: Run) -> None:
    async def use(pool: RenderPool) -> None:
        await asyncio.gather(thumb(pool), thumb(pool))
        hung, well = pool.pids
        with stopped(hung):
            outcomes = await asyncio.gather(
                *[thumb(pool) for _ in range(6)], return_exceptions=True
            )
        faults = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert [getattr(error, "reason", error) for error in faults] == ["render-timeout"]
        assert "1.5 seconds" in str(faults[0])
        assert not lives(hung)
        assert well in pool.pids
        assert len(pool.pids) == 2
        assert (await thumb(pool)).width == 300

    in_pool(run, use, render_processes=2, render_deadline_seconds=1.5)


@pytest.mark.parametrize(
    ("by", "words", "retryable"),
    [(signal.SIGSEGV, "SIGSEGV", False), (signal.SIGKILL, "killed from outside", True)],
)
def test_a_picture_whose_child_dies_fails_alone(
    run: Run, by: signal.Signals, words: str, retryable: bool
) -> None:
    async def use(pool: RenderPool) -> None:
        await thumb(pool)
        (pid,) = pool.pids
        with stopped(pid):
            doomed = asyncio.create_task(fault(pool))
            await asyncio.sleep(0.05)
            os.kill(pid, by)
        error = await doomed
        assert error.reason == "render-crashed"
        assert words in str(error)
        assert error.retryable is retryable
        assert pool.pids != [pid]
        assert (await thumb(pool)).width == 300

    in_pool(run, use)


def test_a_child_that_died_while_idle_is_replaced_before_it_is_given_a_picture(run: Run) -> None:
    async def use(pool: RenderPool) -> None:
        await thumb(pool)
        (pid,) = pool.pids
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not lives(pid), "the child ends")
        assert (await thumb(pool)).width == 300
        assert pid not in pool.pids

    in_pool(run, use)


def test_a_picture_that_needs_too_much_memory_says_so_and_costs_no_child(run: Run) -> None:
    async def use(pool: RenderPool) -> None:
        await thumb(pool)
        before = pool.pids
        error = await fault(pool, LARGE)
        assert error.reason == "render-out-of-memory"
        assert (await thumb(pool)).width == 300
        assert pool.pids == before

    in_pool(run, use, render_max_memory_bytes=320_000_000)


def test_a_limit_too_low_for_any_picture_is_told_at_once(
    run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    async def use(pool: RenderPool) -> None:
        with pytest.raises(LikenessError, match="does not start"):
            await thumb(pool)

    in_pool(run, use, render_max_memory_bytes=100_000_000)
    assert "LIKENESS_RENDER_MAX_MEMORY_BYTES is 100000000" in capfd.readouterr().err


def test_a_child_is_limited_small_and_knows_no_secrets(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIKENESS_S3_SECRET_KEY", "hush")

    async def use(pool: RenderPool) -> None:
        await thumb(pool)
        (pid,) = pool.pids
        limits = about(pid, "limits")
        assert "Max address space         1000000000" in limits
        assert "Max core file size        0" in limits
        assert "hush" not in about(pid, "environ")
        assert field(pid, "Threads") == "1"
        loaded = about(pid, "maps")
        for heavy in ("psycopg", "uvloop", "pydantic_core", "libssl"):
            assert heavy not in loaded

    in_pool(run, use, render_max_memory_bytes=1_000_000_000)


def test_the_parent_loads_no_decoder() -> None:
    program = textwrap.dedent("""
        import asyncio, sys
        from worker.pixels.children import RenderPool
        from worker.pixels.renditions import Limits, Preset, recipe
        from worker.settings import Settings

        async def main():
            pool = RenderPool(Settings(render_processes=1))
            thumb = Preset("thumb", 200, 200, ("webp", "avif", "jpeg"), 85, 2)
            picture = sys.stdin.buffer.read()
            await pool.render(picture, [thumb], Limits(10**6, frozenset({"png"})))
            recipe(thumb, "avif")
            pool.close()

        asyncio.run(main())
        print(*sorted({"PIL.Image", "numpy"} & set(sys.modules)))
    """)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, input=picture(), check=True, capture_output=True
    )
    assert done.stdout.strip() == b""


def test_children_end_with_a_parent_that_is_killed() -> None:
    program = textwrap.dedent("""
        import asyncio, signal, os, sys
        from worker.pixels.children import RenderPool
        from worker.pixels.renditions import Limits, Preset
        from worker.settings import Settings

        async def main():
            pool = RenderPool(Settings(render_processes=2))
            thumb = Preset("thumb", 200, 200, ("webp",), 85, 2)
            data = sys.stdin.buffer.read()
            limits = Limits(10**6, frozenset({"png"}))
            await asyncio.gather(*[pool.render(data, [thumb], limits) for _ in range(2)])
            os.kill(pool.pids[0], signal.SIGSTOP)  # One is in the middle of something.
            print(*pool.pids, flush=True)
            await asyncio.sleep(60)

        asyncio.run(main())
    """)
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin
        assert parent.stdout
        parent.stdin.write(picture())
        parent.stdin.close()
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(lives, pids))
        parent.kill()
    deadline = time.monotonic() + 10
    while any(map(lives, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(lives, pids))


def test_a_child_whose_parent_is_already_gone_ends_by_itself() -> None:
    somebody_else = "1" if os.getpid() != 1 else "2"
    done = subprocess.run(
        [sys.executable, "-m", "worker.pixels.child", somebody_else, "0", "0", "0"],
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 1


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_signals_that_stop_a_worker_leave_its_pictures_in_hand_alone(
    run: Run, by: signal.Signals
) -> None:
    async def use(pool: RenderPool) -> None:
        await thumb(pool)
        (pid,) = pool.pids
        assert os.getpgid(pid) != os.getpgid(0), "Ctrl-C in a terminal would reach it"
        os.kill(pid, by)
        assert (await thumb(pool)).width == 300
        assert pool.pids == [pid]

    in_pool(run, use)


def test_a_child_is_replaced_after_so_many_pictures(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "PICTURES_PER_CHILD", 3)

    async def use(pool: RenderPool) -> None:
        seen = set()
        for _ in range(7):
            await thumb(pool)
            seen |= set(pool.pids)
        assert len(seen) == 3
        (last,) = pool.pids
        await until(lambda: not any(lives(pid) for pid in seen - {last}), "the old ones end")

    in_pool(run, use)


def test_a_cancelled_caller_neither_loses_a_child_nor_blocks_the_pool(run: Run) -> None:
    async def use(pool: RenderPool) -> None:
        await thumb(pool)
        before = pool.pids
        with stopped(before[0]):
            given_up = asyncio.create_task(thumb(pool))
            waiting = asyncio.create_task(thumb(pool))
            await asyncio.sleep(0.05)
            given_up.cancel()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            with pytest.raises(asyncio.CancelledError):
                await waiting
        assert (await thumb(pool, picture(123, 45))).width == 123
        assert pool.pids == before

    in_pool(run, use)


def test_closing_ends_the_children_and_tells_those_who_wait(run: Run) -> None:
    async def use(pool: RenderPool) -> list[int]:
        await asyncio.gather(thumb(pool), thumb(pool))
        pids = pool.pids
        with stopped(pids[0]):
            tasks = [asyncio.create_task(thumb(pool)) for _ in range(6)]
            await asyncio.sleep(0.05)
            pool.close()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        told = [outcome for outcome in outcomes if isinstance(outcome, LikenessError)]
        assert any("closed" in str(error) for error in told)
        assert not any(map(lives, pids))
        assert pool.pids == []
        return pids

    in_pool(run, use, render_processes=2)


def test_large_pictures_are_decoded_one_at_a_time(run: Run) -> None:
    async def use(pool: RenderPool) -> None:
        await asyncio.gather(thumb(pool), thumb(pool))
        fcntl.lockf(pool._lock, fcntl.LOCK_EX)  # As if a third child had one in hand.
        large = asyncio.create_task(thumb(pool, LARGE))
        # Longer than the deadline, which runs only while a picture is being decoded.
        for _ in range(9):
            assert (await thumb(pool)).width == 300
            await asyncio.sleep(0.3)
        assert not large.done()
        fcntl.lockf(pool._lock, fcntl.LOCK_UN)
        assert (await large).width == 8000

    in_pool(run, use, render_processes=2, render_deadline_seconds=2.5)


def test_a_large_picture_leaves_no_large_child_behind(run: Run) -> None:
    async def use(pool: RenderPool) -> None:
        await thumb(pool, LARGE)
        (pid,) = pool.pids
        peak, now = (int(field(pid, name).split()[0]) for name in ("VmHWM", "VmRSS"))
        assert peak > 150_000, "the picture was not large"
        assert now < 100_000

    in_pool(run, use)


def test_what_a_child_may_say_is_bounded(run: Run) -> None:
    """A child that was taken over by a picture cannot make its parent allocate without end."""

    async def use(pool: RenderPool) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.sendall(FRAME.pack(20, 1 << 40))
            await thumb(pool)
            (one,) = pool._children
            real, one._socket = one._socket, ours
            error = await fault(pool)
            real.close()
        assert error.reason == "render-crashed"
        assert "promised" in str(error)
        assert (await thumb(pool)).width == 300

    in_pool(run, use)
