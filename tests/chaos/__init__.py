"""Tests that break things on purpose: processes killed, servers gone, clocks moved."""
