"""Audits of many addresses, on this machine or on a cluster, resumable after any stop (docs/audit-many.md)."""
