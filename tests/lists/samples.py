"""Small lists of our own in the formats of others."""

from __future__ import annotations

import json

ABP = """\
[Adblock Plus 2.0]
! Title: Small List
||whole.test^
||third.test^$third-party
||typed.test^$script
||there.test^$domain=shop.test
||mixed.test^
@@||mixed.test/login.js
||bad.test^
||bad.test^$badfilter
/count.gif?id=
##.banner
shop.test#@#.banner
||127.0.0.1^
"""
HOSTS = """\
# A hosts file
127.0.0.1 localhost
::1 ip6-localhost
0.0.0.0 Tracker.test   # counts
0.0.0.0 other.tracker2.test third.test
plain.test
not a line
"""
DISCONNECT = json.dumps(
    {
        "license": "ours",
        "categories": {
            "Advertising": [
                {"Adverts": {"https://adverts.test/": ["adverts.test", "cdn-adverts.test"], "performance": "true"}}
            ],
            "Analytics": [
                {"Adverts": {"https://adverts.test/": ["count-adverts.test"]}},
                {"Beta Counter": {"https://beta.test/": ["beta.test"]}},
            ],
            "ConsentManagers": [{"Banner": {"https://banner.test/": ["banner.test"]}}],
            "Unheard-of": [{"Odd": {"https://odd.test/": ["odd.test"]}}],
        },
    },
    indent=1,
)
TRACKERDB = json.dumps(
    {
        "categories": {"advertising": {"name": "Advertising", "color": "#fff", "description": "Ads."}},
        "organizations": {"adverts": {"name": "Adverts Ltd", "website_url": "https://adverts.test/"}},
        "patterns": {
            "adverts_pixel": {
                "name": "Adverts Pixel",
                "category": "advertising",
                "organization": "adverts",
                "website_url": None,
                "domains": ["adverts.test"],
                "filters": ["||pixel.test^$3p", "||files.test/adverts.js"],
            },
            "shelf": {
                "name": "Shelf",
                "category": "cdn",
                "organization": None,
                "domains": ["shelf.test"],
                "filters": [],
            },
        },
        "domains": {"adverts.test": "adverts_pixel", "shelf.test": "shelf"},
        "filters": {},
    },
    indent=1,
)


def radar(domain: str, *categories: str, owner: str = "Adverts") -> str:
    """A file of Tracker Radar."""
    return json.dumps(
        {
            "domain": domain,
            "owner": {"name": f"{owner} Ltd", "displayName": owner, "url": f"https://{domain}/"},
            "prevalence": 0.1,
            "fingerprinting": 1,
            "categories": list(categories),
            "resources": [],
        },
        indent=1,
    )
