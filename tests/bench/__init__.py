"""Benchmarks: how fast Consentry is beside what it is built on. Run `python -m tests.bench [--quick]`."""
