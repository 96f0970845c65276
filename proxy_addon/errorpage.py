"""The page a browser shows when a site cannot be reached through the proxy."""

from __future__ import annotations

import html

# What the proxy core says, and what a person can do about it; the first that occurs counts.
_TEST = "or use --insecure-upstream while testing."
_SELF_SIGNED = f"The site's certificate is self-signed. Trust its authority with --upstream-ca FILE, {_TEST}"
_NO_NAME = "The site's name does not resolve. Check the URL, or name its address with --resolve."
_NO_ANSWER = "Nothing answers at the site's address. Check that the site is up and the port is right."
_REMEDIES = (
    ("certificate has expired", f"The site's certificate has expired. Renew it, {_TEST}"),
    ("self-signed certificate", _SELF_SIGNED),
    ("self signed certificate", _SELF_SIGNED),
    (
        "unable to get local issuer",
        "The site's certificate is from an authority that is not trusted here. Name it with --upstream-ca FILE.",
    ),
    ("certificate verify failed", f"The site's certificate does not hold. Check its name and dates, {_TEST}"),
    ("Name or service not known", _NO_NAME),
    ("nodename nor servname", _NO_NAME),
    ("getaddrinfo failed", _NO_NAME),
    ("No address associated", _NO_NAME),
    ("name resolution", _NO_NAME),
    ("Connect call failed", _NO_ANSWER),
    ("Connection refused", _NO_ANSWER),
    ("timed out", "The site did not answer in time. Check that it can be reached from here."),
)
_OTHERWISE = "The site closed the connection or sent what is no HTTP. Look at its log."


def error_page(status: int, reason: str, message: str) -> bytes:
    """The page for an HTTP status with its standard reason and the proxy core's message."""
    if status < 500:
        remedy = "The request could not be read."
    else:
        remedy = next((said for sign, said in _REMEDIES if sign.lower() in message.lower()), _OTHERWISE)
    return _page(status, reason, "The site cannot be reached", remedy, message)


def unavailable_page() -> bytes:
    """The page for when nothing can be judged, so that no page of the site may be shown."""
    remedy = (
        "Consentry has too much to do, or is being started again. Nothing of this page was sent, since its vendors "
        "could not be held. Try again in a moment."
    )
    return _page(503, "Service Unavailable", "This page cannot be shown just now", remedy, "no processor answers")


def unjudged_page() -> bytes:
    """The page for a request of which an error in Consentry lets nothing be said."""
    remedy = (
        "An error in Consentry keeps it from telling whether this is a vendor's, so that nothing was sent. Start "
        "Consentry again; if it stays so, report what its log says."
    )
    return _page(502, "Bad Gateway", "This cannot be let through", remedy, "the request could not be judged")


def _page(status: int, reason: str, title: str, remedy: str, message: str) -> bytes:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{status} {html.escape(reason)}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 12vh auto; padding: 0 1rem }}
h1 {{ font-size: 1.4rem }}
code {{ overflow-wrap: anywhere }}
</style>
</head>
<body>
<h1>{html.escape(title)}</h1>
<p>{html.escape(remedy)}</p>
<p><small>Consentry, {status} {html.escape(reason)}: <code>{html.escape(message)}</code></small></p>
</body>
</html>
""".encode("utf-8", "replace")
