"""Kills each part of a cluster on loopback in turn, under load: `python -m tests.chaos`."""
