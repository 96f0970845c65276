"""Rewriting what passes: documents, headers and encodings."""
