"""A day of a filter in minutes: mixed traffic through it, with an upstream that fails in every way it can."""
