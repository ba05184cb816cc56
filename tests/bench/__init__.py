"""Benchmarks: each is a command of its own, ``python -m tests.bench.NAME``."""
