"""A picture that ends early is tried again where the transfer may have been cut, else it fails."""

from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests import origin as behave
from tests.chaos.origins import picture
from tests.origin import Origin
from tests.shop import Shop
from tests.worker_process import await_settled, worker_process
from worker.settings import Settings


@pytest.mark.slow
def test_a_picture_without_a_length_may_have_been_cut(
    settings: Settings, connection: Connection[DictRow], tmp_path: Path
) -> None:
    changes = {"allowed_private_networks": "127.0.0.0/8", "log_format": "json"}
    here = Settings.model_validate(settings.model_dump(exclude_unset=True) | changes)
    whole = picture(0)
    half = whole[: len(whole) // 2]
    until_the_end = behave.head(content_type="image/jpeg")
    origin = Origin()
    origin.routes["/cut.jpg"] = behave.in_turn(
        behave.raw(until_the_end + half), behave.raw(until_the_end + whole)
    )
    origin.routes["/broken.jpg"] = behave.answer(half)
    with origin, worker_process(here, tmp_path / "worker.log") as worker:
        shop = Shop(connection, prefix=origin.url("").removesuffix("/"))
        cut, broken = (shop.add_product(n, f"{n}.jpg") for n in ("cut", "broken"))
        worker.await_ready()
        await_settled(connection, worker)
        first, other = shop.image(cut), shop.image(broken)
        assert (first["status"], first["failure_reason"]) == ("pending", "corrupt-image")
        assert "may have been cut" in first["failure_text"]
        assert first["retry_at"] is not None
        assert (other["status"], other["failure_reason"]) == ("failed", "corrupt-image")
        assert "cut" not in other["failure_text"]

        shop.execute(
            "update likeness.images set retry_at = likeness.clock() where id = %s", first["id"]
        )
        shop.execute("select likeness.promote_retries()")
        await_settled(connection, worker)
        assert shop.image(cut)["status"] == "completed"
        assert worker.stop() == 0
