"""Owns how the API is served: one uvicorn process that stops without dropping an answer."""

import asyncio
import gc
import signal
import socket
from collections.abc import Sequence
from types import FrameType

import uvicorn
from litestar import Litestar

from api.app import create_app
from worker.settings import Settings

_COLLECT_EVERY = 20_000


class Server(uvicorn.Server):
    """Says that it is not ready, waits for load balancers to see it, and only then stops."""

    def __init__(self, config: uvicorn.Config, app: Litestar, drain_seconds: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_seconds = drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        services = self._app.state.get("services")
        is_first = services is not None and not services.is_stopping
        if services is not None:
            services.is_stopping = True
            self._app.state.telemetry.is_closing = True
        # A person at a terminal, or a second signal, need not wait.
        if is_first and self._loop and self._drain_seconds and sig == signal.SIGTERM:
            self._loop.call_soon_threadsafe(
                self._loop.call_later, self._drain_seconds, super().handle_exit, sig, frame
            )
        else:
            super().handle_exit(sig, frame)


def make_server(settings: Settings) -> Server:
    """The server of these settings, not yet running. Raises LikenessError where it cannot."""
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        # httptools, which uvicorn takes where it is installed, loses bodies (DECISIONS.md 46).
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # No proxy is trusted to name the client unless somebody says so.
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, round(settings.grace_seconds)),
    )
    return Server(config, app, settings.api_drain_seconds)


def serve(settings: Settings, sockets: Sequence[socket.socket] | None = None) -> None:
    """Serve until stopped, on inherited sockets where there are some.

    Raises LikenessError where it cannot start.
    """
    server = make_server(settings)
    # What is loaded by now stays, and requests leave few cycles behind: the collector need not walk
    # all modules again and again to find that out.
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY, 20, 50)
    server.run(sockets=list(sockets) if sockets else None)
