"""Tests of the HTTP API against a real Postgres, a real store and a real server on loopback."""
