"""Consentry keeps every catalogued tracking vendor silent until the visitor's consent allows it."""

__version__ = "0.1.0"
