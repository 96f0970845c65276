"""The dashboard: a page beside the proxied ones that shows what vendors try, and steers the visitor's consent."""
