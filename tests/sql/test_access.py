"""Tests of keys, limits, users' own rows, and of what each role may do."""

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from worker import db
from worker.errors import BadInput, NotFound, Refused

Session = Connection[DictRow]
DIGEST = bytes(32)
OTHER_DIGEST = bytes([1]) * 32


def _one(session: Session, statement: str, *arguments: object) -> DictRow:
    row = session.execute(statement.encode(), arguments).fetchone()
    assert row
    return row


def _at(session: Session, moment: str) -> None:
    session.execute("select set_config('likeness.clock', %s, false)", (moment,))


def _create(session: Session, key_id: str, name: str, expires_at: str | None = None) -> None:
    with db.query_errors():
        session.execute(
            "select likeness.create_service_key(%s, %s, '{feeds}', %s, %s)",
            (key_id, name, DIGEST, expires_at),
        )


def _find(session: Session, key_id: str) -> list[DictRow]:
    return session.execute("select * from likeness.find_service_key(%s)", (key_id,)).fetchall()


def test_a_key_is_found_until_it_is_revoked(connection: Session) -> None:
    _create(connection, "aaaaaaaa", "shop")
    assert _find(connection, "aaaaaaaa") == [
        {"name": "shop", "scopes": ["feeds"], "digest": DIGEST}
    ]
    assert _find(connection, "bbbbbbbb") == []
    connection.execute("select likeness.revoke_service_key('shop')")
    assert _find(connection, "aaaaaaaa") == []
    with pytest.raises(NotFound, match="no living key shop"), db.query_errors():
        connection.execute("select likeness.revoke_service_key('shop')")
    _create(connection, "bbbbbbbb", "shop")
    assert _find(connection, "bbbbbbbb")


def test_a_key_ends_at_its_time(connection: Session) -> None:
    _at(connection, "2030-01-01 00:00Z")
    _create(connection, "aaaaaaaa", "shop", "2030-01-02 00:00Z")
    assert _find(connection, "aaaaaaaa")
    _at(connection, "2030-01-02 00:00Z")
    assert _find(connection, "aaaaaaaa") == []
    assert _one(connection, "select state from likeness.service_key_status")["state"] == "expired"


def test_the_last_use_is_written_every_ten_minutes_at_most(connection: Session) -> None:
    _create(connection, "aaaaaaaa", "shop")
    used = []
    for moment in ("00:00", "00:09", "00:11"):
        _at(connection, f"2030-01-01 {moment}Z")
        _find(connection, "aaaaaaaa")
        used.append(_one(connection, "select last_used_at from likeness.service_key_status"))
    assert [f"{row['last_used_at']:%M}" for row in used] == ["00", "00", "11"]


def test_a_key_that_makes_no_sense_is_refused(connection: Session) -> None:
    _create(connection, "aaaaaaaa", "shop")
    with pytest.raises(Refused, match="living key called shop"):
        _create(connection, "bbbbbbbb", "shop")
    with pytest.raises(BadInput, match="expired already"):
        _create(connection, "bbbbbbbb", "other", "2020-01-01")
    for scopes in ("{}", "{everything}"):
        with pytest.raises(BadInput, match="scopes of a key"), db.query_errors():
            connection.execute(
                "select likeness.create_service_key('cccccccc', 'c', %s, %s)",
                (scopes, OTHER_DIGEST),
            )


def _ask(session: Session, client: str = "192.0.2.1", most: int = 3) -> tuple[bool, int, int]:
    row = _one(
        session, "select * from likeness.take_permit('lazy', %s, %s, '1 minute')", client, most
    )
    return row["is_allowed"], row["remaining"], row["wait_seconds"]


def test_no_span_holds_more_permits_than_the_limit(connection: Session) -> None:
    answers = []
    for second in (0, 50, 55, 58, 59, 60, 61, 109, 110):
        _at(connection, f"2030-01-01 00:{second // 60:02}:{second % 60:02}Z")
        answers.append((second, *_ask(connection)))
    assert answers == [
        (0, True, 2, 60),
        (50, True, 1, 10),
        (55, True, 0, 5),
        (58, False, 0, 2),
        (59, False, 0, 1),
        # The first counts no more; a window that began anew here would let three through.
        (60, True, 0, 50),
        (61, False, 0, 49),
        (109, False, 0, 1),
        (110, True, 0, 5),
    ]


def test_clients_and_limits_are_counted_apart_and_forgotten(connection: Session) -> None:
    _at(connection, "2030-01-01 00:00:00Z")
    assert _ask(connection, "192.0.2.1", 1)[0]
    assert not _ask(connection, "192.0.2.1", 1)[0]
    assert _ask(connection, "192.0.2.2", 1)[0]
    assert _one(connection, "select likeness.forget_permits() as n")["n"] == 0
    _at(connection, "2030-01-01 00:01:00Z")
    assert _one(connection, "select likeness.forget_permits() as n")["n"] == 2


def test_two_sessions_share_the_count(connection: Session, second_connection: Session) -> None:
    taken = [_ask(session, most=10)[0] for session in (connection, second_connection) * 8]
    assert sum(taken) == 10


def _picture(key: str, prompt: str = "a kettle") -> str:
    return (
        f'[{{"client_key": "{key}", "url": "https://pictures.test/{key}.png",'
        f' "prompt": "{prompt}", "model": "m", "seed": 1, "steps": 20}}]'
    )


def _as_user(session: Session, user: str) -> None:
    session.execute("select set_config('likeness.user_id', %s, false)", (user,))


def test_a_user_sees_and_adds_own_pictures_alone(connection: Session) -> None:
    connection.execute("set role likeness_app")
    for user, keys in (("ann", "abc"), ("bob", "a")):
        _as_user(connection, user)
        for key in keys:
            connection.execute("select likeness.add_user_images(%s)", (_picture(key),))
    listed = connection.execute("select * from likeness.list_user_images(0, 10)").fetchall()
    assert [(row["sequence_no"], row["client_key"]) for row in listed] == [(1, "a")]
    # By the policy, not by the function.
    assert _one(connection, "select count(*) as n from likeness.user_images")["n"] == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(
            "insert into likeness.user_images (user_id, sequence_no, client_key, url, prompt,"
            " model) values ('ann', 9, 'z', 'https://x.test/', '', '')"
        )
    _as_user(connection, "ann")
    assert _one(connection, "select count(*) as n from likeness.user_images")["n"] == 3
    _as_user(connection, "")
    assert _one(connection, "select count(*) as n from likeness.user_images")["n"] == 0


def test_a_picture_that_is_sent_again_is_added_once_and_none_can_be_changed(
    connection: Session,
) -> None:
    connection.execute("set role likeness_app")
    _as_user(connection, "ann")
    added = [
        _one(connection, "select likeness.add_user_images(%s) as n", _picture("a", prompt))["n"]
        for prompt in ("first", "second")
    ]
    assert added == [1, 0]
    rows = connection.execute("select prompt from likeness.list_user_images(0, 10)").fetchall()
    assert [row["prompt"] for row in rows] == ["first"]
    for statement in (
        "update likeness.user_images set prompt = ''",
        "delete from likeness.user_images",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


FORBIDDEN = [
    "alter table likeness.images add column x int",
    "drop table likeness.images",
    "truncate likeness.images",
    "create table likeness.mine (id int)",
    "create table public.mine (id int)",
    "drop function likeness.clock()",
    "create or replace function likeness.clock() returns timestamptz language sql"
    " as 'select now()'",
    "alter table likeness.user_images disable row level security",
    "drop policy user_images_own on likeness.user_images",
    "update likeness.schema_code set checksum = checksum",
    "select digest from likeness.service_keys",
    "insert into likeness.service_keys (key_id, name, scopes, digest)"
    " values ('aaaaaaaa', 'x', '{admin}', '')",
    "select likeness.create_service_key('aaaaaaaa', 'x', '{admin}', '')",
    "select likeness.revoke_service_key('shop')",
    "grant likeness_reader to likeness_app",
    "alter role likeness_app superuser",
    "alter table procrastinate.procrastinate_jobs add column x int",
    "create role other",
]  # fmt: skip


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_programs_role_can_alter_nothing_and_make_no_key(
    connection: Session, statement: str
) -> None:
    connection.execute("set role likeness_app")
    with pytest.raises(
        (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidGrantOperation)
    ):
        connection.execute(statement.encode())


def test_the_programs_role_may_call_and_write_what_it_needs(connection: Session) -> None:
    _create(connection, "aaaaaaaa", "shop")
    connection.execute("set role likeness_app")
    assert _find(connection, "aaaaaaaa")
    assert _ask(connection)[0]
    for statement in (
        "insert into procrastinate.procrastinate_jobs (queue_name, task_name, args)"
        " values ('q', 't', '{}')",
        "update likeness.hosts set created_at = created_at",
        "select likeness.tend_queue()",
    ):
        connection.execute(statement.encode())


def test_people_read_no_secret_and_nobodys_pictures(connection: Session) -> None:
    connection.execute("set role likeness_reader")
    assert connection.execute("select * from likeness.service_key_status").fetchall() == []
    for statement in (
        "select * from likeness.service_keys",
        "select * from likeness.supplier_credentials",
        "select * from likeness.user_images",
        "select * from likeness.find_service_key('aaaaaaaa')",
        "delete from likeness.permits",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("'SHORT', 'a', '{feeds}', %s", "key_id must be"),
        ("'lk_aaaaaaaa', 'a', '{feeds}', %s", "key_id must be"),
        ("null, 'a', '{feeds}', %s", "key_id must be"),
        ("'bbbbbbbb', repeat('a', 101), '{feeds}', %s", "1 to 100 characters"),
        ("'bbbbbbbb', E'a\\nb', '{feeds}', %s", "in one line"),
        ("'bbbbbbbb', null, '{feeds}', %s", "1 to 100 characters"),
        ("'bbbbbbbb', 'a', '{feeds}', null", "digest must be the 32 bytes"),
        ("'bbbbbbbb', 'a', '{feeds}', substr(%s::bytea, 2)", "digest must be the 32 bytes"),
        ("'bbbbbbbb', 'a', null, %s", "scopes of a key"),
        ("'bbbbbbbb', 'a', '{feeds,null}', %s", "scopes of a key"),
        ("'bbbbbbbb', 'a', '{feeds}', %s, 'infinity'", "null for never, not infinity"),
        ("'bbbbbbbb', 'a', '{feeds}', %s, '-infinity'", "null for never, not -infinity"),
    ],
)
def test_the_parts_of_a_key_are_judged_in_words(
    connection: Session, arguments: str, said: str
) -> None:
    given = (DIGEST,) if "%s" in arguments else ()
    with pytest.raises(BadInput, match=said), db.query_errors():
        connection.execute(f"select likeness.create_service_key({arguments})".encode(), given)
    assert not connection.execute("select from likeness.service_keys").fetchall()


def test_a_key_id_that_is_taken_is_no_name_that_is_taken(connection: Session) -> None:
    _create(connection, "aaaaaaaa", "shop")
    with pytest.raises(Refused, match="key_id aaaaaaaa already"):
        _create(connection, "aaaaaaaa", "other")


@pytest.mark.parametrize(
    "arguments",
    [
        *("0, '1 minute'", "-1, '1 minute'", "null, '1 minute'"),
        *("1, '0'", "1, '-1 second'", "1, null"),
        "1, 'infinity'",
    ],
)
def test_a_limit_that_lets_nobody_through_is_refused(connection: Session, arguments: str) -> None:
    # Before 17, Postgres knows no endless interval.
    with pytest.raises((BadInput, psycopg.errors.InvalidDatetimeFormat)), db.query_errors():
        connection.execute(f"select * from likeness.take_permit('lazy', 'a', {arguments})".encode())
    assert not connection.execute("select from likeness.permits").fetchall()
