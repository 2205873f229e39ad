"""Owns clients that call an API all the time and remember what they got, and when."""

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import httpx

# As long as a client of ours would wait; a lazy request waits up to ten seconds by itself.
TIMEOUT_SECONDS = 20.0
_PACE_SECONDS = 0.02


@dataclass(frozen=True)
class Seen:
    """One request: when it was under way and what came of it (no status: no answer)."""

    kind: str
    began: float
    ended: float
    status: int | None
    retry_after: str | None
    text: str

    @property
    def is_well(self) -> bool:
        return self.status is not None and self.status < 400

    def was_under_way(self, since: float, until: float) -> bool:
        return self.began <= until and self.ended >= since


@dataclass
class Load:
    """Threads that call, until told to stop."""

    base: str
    seen: list[Seen] = field(default_factory=list)
    asked: set[int] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def repeat(self, kind: str, path: str) -> None:
        """A client that gets a path again and again."""
        self._start(lambda client: self._call(kind, lambda: client.get(path)))

    def ask_for(self, products: Iterable[int]) -> None:
        """A client that wants one picture after the other, and tries until it is promised.

        After the last it begins again: those are there by then, and must still be answered.
        """
        waiting = itertools.cycle(products)
        current: list[int] = []

        def ask(client: httpx.Client) -> None:
            if not current:
                current.append(next(waiting))
            # Each as another client of the same proxy: the limit is not what is tried here.
            headers = {"x-forwarded-for": _address(next(self._numbers))}
            seen = self._call(
                "lazy",
                lambda: client.post(
                    "/api/process-product-image-lazy",
                    json={"product_id": current[0]},
                    headers=headers,
                ),
            )
            if seen.is_well:
                self.asked.add(current.pop())

        self._start(ask)

    def wait_until_well(self, kind: str, since: float) -> float:
        """When a request of this kind that began after ``since`` went well."""
        deadline = time.monotonic() + 60
        while True:
            for seen in list(self.seen):
                if seen.kind == kind and seen.began >= since and seen.is_well:
                    return seen.ended
            assert time.monotonic() < deadline, f"{kind} did not become well again"
            time.sleep(0.02)

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _start(self, work: Callable[[httpx.Client], object]) -> None:
        def run() -> None:
            with httpx.Client(
                base_url=self.base, trust_env=False, timeout=TIMEOUT_SECONDS
            ) as client:
                while not self._over.wait(_PACE_SECONDS):
                    work(client)

        thread = threading.Thread(target=run)
        self._threads.append(thread)
        thread.start()

    def _call(self, kind: str, request: Callable[[], httpx.Response]) -> Seen:
        began = time.monotonic()
        try:
            answer = request()
        except httpx.TransportError as error:
            seen = Seen(kind, began, time.monotonic(), None, None, repr(error))
        else:
            retry_after = answer.headers.get("retry-after")
            text = "" if answer.status_code < 400 else answer.text
            status = answer.status_code
            seen = Seen(kind, began, time.monotonic(), status, retry_after, text)
        self.seen.append(seen)
        return seen


def _address(number: int) -> str:
    """One of the addresses that are set aside for benchmarks."""
    return f"198.18.{number // 250 % 250}.{number % 250 + 1}"
