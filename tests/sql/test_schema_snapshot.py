"""Owns the rule that sql/schema.sql shows the schema as it is."""

import pytest

from scripts.schema_dump import SNAPSHOT, dump, normalise
from tests.postgres_servers import Server


@pytest.mark.newest_postgres
def test_the_snapshot_is_current(database: str, postgres: Server) -> None:
    assert dump(postgres.bin_dir, database) == SNAPSHOT.read_text(), "run scripts/dump_schema"


def test_the_snapshot_has_nothing_of_one_run_and_nothing_that_has_a_file_of_its_own() -> None:
    run = """--
-- PostgreSQL database dump
--

\\restrict abc

-- Dumped from database version 1

SET client_encoding = 'UTF8';

--
-- Name: a; Type: TABLE; Schema: likeness; Owner: -
--

create table likeness.a ();


--
-- Name: seen; Type: VIEW; Schema: likeness; Owner: -
--

create view likeness.seen as select 1;


--
-- Name: COLUMN seen.n; Type: COMMENT; Schema: likeness; Owner: -
--

comment on column likeness.seen.n is 'N.';


--
-- Name: COLUMN a.n; Type: COMMENT; Schema: likeness; Owner: -
--

comment on column likeness.a.n is 'N.';


--
-- PostgreSQL database dump complete
--

\\unrestrict abc
"""
    assert normalise(run) == (
        "create table likeness.a ();\n\ncomment on column likeness.a.n is 'N.';\n"
    )
