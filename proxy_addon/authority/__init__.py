"""Lets browsers and systems trust the certificate authority of forward mode, and takes that back."""
