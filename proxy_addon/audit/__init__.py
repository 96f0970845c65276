"""Audits: a site's own consent flow driven through every state in a real browser, and judged."""
