"""Owns the tests: sentences about what Likeness does, run against real servers on loopback."""
