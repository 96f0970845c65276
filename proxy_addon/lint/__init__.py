"""Finds what is wrong with vendor files beyond what keeps them from loading."""
