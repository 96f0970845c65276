"""What is looked for in vendor files. Each check takes the files and yields findings; none knows another."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..catalogue.domains import is_public_suffix, within
from ..catalogue.index import stem, weight
from ..catalogue.match import Catalogue, glob
from ..catalogue.model import Match
from ..catalogue.payloads import is_wide
from ..catalogue.urls import split
from ..catalogue.yamlfile import Document
from ..consent.model import NECESSARY
from .common import common
from .finding import Finding
from .globs import covers

Files = Sequence[Document]
Check = Callable[[Files], Iterator[Finding]]
# A rule in the words of its file: (host, path, query, attribute).
_Pattern = tuple[str, str, str | None, str | None]
# Endings that files of all kinds have; another one says whose a file is.
_ENDINGS = frozenset({"", "gif", "html", "js", "json", "min.js", "php", "png"})
# A literal run of a path or a query that is as long as this says something.
_TELLING = 4
# So many characters of a body together do.
_TELLING_BODY = 24


def domains_twice(files: Files) -> Iterator[Finding]:
    """A whole domain that two files claim, or that stands below one which the same file claims to the same end."""
    owners: dict[str, Document] = {}
    for file in files:
        own = {each["domain"]: each for each in file.value.get("domains", ()) if _whole(each)}
        for index, each in enumerate(file.value.get("domains", ())):
            if not _whole(each):
                continue
            name, where = each["domain"], ("domains", index)
            owner = owners.setdefault(name, file)
            if owner is not file:
                yield _found(
                    file,
                    where,
                    "duplicate",
                    f"the domain {name} belongs to {owner.path.name} already",
                    "take it out of one of the two, or give one 'scope: paths'",
                )
            around = [other for other in own if other != name and within(name, other)]
            # What stands between may belong to another vendor or be listed otherwise: then the line says something.
            if around and own[max(around, key=len)]["label"] == each["label"]:
                yield _found(
                    file,
                    where,
                    "duplicate",
                    f"the domain {name} is below {max(around, key=len)}, which this file claims with its subdomains",
                    "take it out",
                )


def rules_twice(files: Files) -> Iterator[Finding]:
    """Two rules for the same requests, in one file or in two."""
    seen: dict[_Pattern, tuple[Document, str]] = {}
    for file in files:
        for index, rule in enumerate(file.value.get("requests", ())):
            other, name = seen.setdefault(_pattern(rule), (file, rule["rule"]))
            if (other, name) != (file, rule["rule"]):
                place = "this file" if other is file else other.path.name
                yield _found(
                    file,
                    ("requests", index),
                    "duplicate",
                    f"the rule '{rule['rule']}' names the same requests as '{name}' in {place}",
                    "take one of the two out, or make one more specific",
                )


def cookies_twice(files: Files) -> Iterator[Finding]:
    """A cookie of the site's own domain that two files claim, or one file twice."""
    seen: dict[str, Document] = {}
    for file in files:
        here = set[tuple[str, str]]()
        for index, cookie in enumerate(file.value.get("cookies", ())):
            name, party = cookie["name"], cookie["party"]
            if (name, party) in here:
                yield _found(file, ("cookies", index), "duplicate", f"the cookie {name} stands here twice", _TAKE_OUT)
            here.add((name, party))
            # On the vendor's own domain the name is the vendor's, whoever else has one like it.
            if party == "first" and seen.setdefault(name, file) is not file:
                yield _found(
                    file,
                    ("cookies", index),
                    "duplicate",
                    f"the cookie {name} belongs to {seen[name].path.name} already",
                    "leave it to the vendor whose script sets it",
                )


def shadowed(files: Files) -> Iterator[Finding]:
    """A rule that another one, which is always asked first, leaves nothing to."""
    for rules in _by_host(files).values():
        for position, (file, where, name, pattern) in enumerate(rules):
            for other_file, _, other_name, other in rules[:position]:
                if _takes_all(other, pattern) and other != pattern:
                    place = "" if other_file is file else f" in {other_file.path.name}"
                    yield _found(
                        file,
                        where,
                        "shadowed",
                        f"the rule '{name}' can never win: '{other_name}'{place} takes all that it takes, and comes "
                        "first",
                        "take it out, or make it more specific",
                    )
                    break


def examples_missing(files: Files) -> Iterator[Finding]:
    """Rules, domains, snippets, cookies and exemptions that no example shows."""
    for file in files:
        value, examples = file.value, file.value["examples"]
        shown = {each["rule"] for section in ("match", "snippets", "payloads") for each in examples.get(section, ())}
        for section, word in (("requests", "rule"), ("payloads", "rule"), ("snippets", "rule"), ("domains", "domain")):
            for index, each in enumerate(value.get(section, ())):
                if each[word] not in shown and (section != "domains" or _whole(each)):
                    yield _found(
                        file,
                        (section, index),
                        "no-example",
                        f"no example shows the {word} '{each[word]}'",
                        f"add one to examples, under {section if section in ('snippets', 'payloads') else 'match'}",
                    )
        for index, cookie in enumerate(value.get("cookies", ())):
            pattern = cookie_glob(cookie["name"])
            # A name without a pattern is its own example.
            if "*" in cookie["name"] and not any(pattern.match(name) for name in examples.get("cookies", ())):
                yield _found(
                    file,
                    ("cookies", index),
                    "no-example",
                    f"no example shows the cookie '{cookie['name']}'",
                    "add one to examples, under cookies",
                )
        for index, rule in enumerate(value.get("exempt", ())):
            if not any(_exempts(rule, url) for url in examples["pass"]):
                yield _found(
                    file,
                    ("exempt", index),
                    "no-example",
                    f"no example shows what is exempt at {rule['host']}{rule['path']}",
                    "add one to examples, under pass",
                )


def near_misses_missing(files: Files) -> Iterator[Finding]:
    """Patterns without an example of what looks like theirs and is not."""
    for file in files:
        value, examples = file.value, file.value["examples"]
        exempt = value.get("exempt", ())
        if not any(not any(_exempts(rule, url) for rule in exempt) for url in examples["pass"]):
            yield _found(
                file,
                ("examples", "pass"),
                "no-near-miss",
                "every URL that passes is exempt, so nothing shows where the rules end",
                "add a URL that looks like the vendor's and is not",
            )
        if value.get("snippets") and not examples.get("pass_snippets"):
            yield _found(
                file,
                ("snippets",),
                "no-near-miss",
                "there are snippets, but no code that looks like them and is not",
                "add some to examples, under pass_snippets",
            )
        if value.get("payloads") and not examples.get("pass_payloads"):
            yield _found(
                file,
                ("payloads",),
                "no-near-miss",
                "there are payloads, but no request that looks like them and is not",
                "add some to examples, under pass_payloads",
            )
        if any("*" in cookie["name"] for cookie in value.get("cookies", ())) and not examples.get("pass_cookies"):
            yield _found(
                file,
                ("cookies",),
                "no-near-miss",
                "there are cookies by pattern, but no name that looks like them and is not",
                "add some to examples, under pass_cookies",
            )


def too_broad(files: Files) -> Iterator[Finding]:
    """Patterns that take what is not the vendor's."""
    for file in files:
        value = file.value
        for index, domain in enumerate(value.get("domains", ())):
            if not _whole(domain):
                continue
            if is_public_suffix(domain["domain"]):
                yield _found(
                    file,
                    ("domains", index),
                    "too-broad",
                    f"{domain['domain']} is a public suffix: under it stand sites of anyone",
                    "name the vendor's own domain",
                )
            elif domain["domain"] in common().hosts:
                yield _found(
                    file,
                    ("domains", index),
                    "too-broad",
                    f"{domain['domain']} serves files of anyone",
                    "name the vendor's own host there, or give it 'scope: paths' and rules",
                )
        for index, rule in enumerate(value.get("requests", ())):
            if why := _too_broad(rule):
                yield _found(file, ("requests", index), "too-broad", f"the rule '{rule['rule']}' {why}", _NARROW)
        for index, payload in enumerate(value.get("payloads", ())):
            if is_wide(payload["path"]) and 0 < sum(map(len, payload.get("body", ()))) < _TELLING_BODY:
                yield _found(
                    file,
                    ("payloads", index),
                    "too-broad",
                    f"the rule '{payload['rule']}' looks for little in every body, as its path ends in nothing literal",
                    "end the path in a literal name, as in /**event, or ask for more of the body",
                )
        for index, cookie in enumerate(value.get("cookies", ())):
            name = cookie["name"]
            pattern = cookie_glob(name)
            hit = [each for each in common().cookies if pattern.match(each)]
            # A cookie on the vendor's own domain, or one that is never held, harms nobody.
            if hit and cookie["party"] == "first" and cookie.get("category", value["category"]) != "necessary":
                yield _found(
                    file,
                    ("cookies", index),
                    "too-broad",
                    f"the cookie '{name}' takes {hit[0]}, which sites use for themselves",
                    "narrow the name, or take it out",
                )


def names_clash(files: Files) -> Iterator[Finding]:
    """One name for two vendors: whoever asks for it gets only one of them."""
    names: dict[str, Document] = {}
    for file in files:
        for name in {each.casefold() for each in (file.value["vendor"], file.value["name"])}:
            names.setdefault(name, file)
    for file in files:
        owner = names[file.value["name"].casefold()]
        if owner is not file:
            yield _found(
                file,
                ("name",),
                "clash",
                f"'{file.value['name']}' is the name of {owner.path.name} too",
                "give one of the two a name of its own",
            )
        here = set[str]()
        for index, alias in enumerate(file.value.get("aliases", ())):
            owner = names.setdefault(alias.casefold(), file)
            if owner is not file:
                yield _found(
                    file,
                    ("aliases", index),
                    "clash",
                    f"the alias '{alias}' is a name of {owner.path.name} too",
                    "take it out of one of the two",
                )
            elif alias.casefold() in here:
                yield _found(file, ("aliases", index), "clash", f"the alias '{alias}' stands here twice", _TAKE_OUT)
            here.add(alias.casefold())


def related_unknown(files: Files) -> Iterator[Finding]:
    """Related vendors that do not exist, or are the vendor itself."""
    ids = {file.value["vendor"] for file in files}
    for file in files:
        for index, related in enumerate(file.value.get("related", ())):
            if related == file.value["vendor"]:
                yield _found(file, ("related", index), "related", "the vendor is related to itself", "take it out")
            elif related not in ids:
                close = difflib.get_close_matches(related, ids, 1)
                remedy = f"did you mean '{close[0]}'?" if close else "add its file, or take the name out"
                yield _found(file, ("related", index), "related", f"there is no vendor '{related}'", remedy)


def examples_failing(files: Files, catalogue: Catalogue) -> Iterator[Finding]:
    """Examples that come out otherwise than they say: the rule never wins, or takes what should pass."""
    for file in files:
        examples, vendor = file.value["examples"], file.value["vendor"]
        for index, example in enumerate(examples["match"]):
            match = catalogue.match(example["url"], attributes=example.get("attributes", ()))
            if match is None or (match.vendor, match.rule) != (vendor, example["rule"]) or match.exempt:
                yield _found(file, ("examples", "match", index), "example", _instead(example["rule"], match), _CORRECT)
        for index, url in enumerate(examples["pass"]):
            match = catalogue.match(url)
            if match is not None and not match.exempt and match.categories != (NECESSARY,):
                yield _found(
                    file, ("examples", "pass", index), "example", f"it should pass, but {_is(match)} takes it", _CORRECT
                )
        for index, example in enumerate(examples.get("snippets", ())):
            found = catalogue.match_snippet(example["code"])
            if found is None or (found.vendor, found.rule) != (vendor, example["rule"]):
                where = ("examples", "snippets", index)
                yield _found(file, where, "example", _instead(example["rule"], found), _CORRECT)
        for index, code in enumerate(examples.get("pass_snippets", ())):
            if (found := catalogue.match_snippet(code)) is not None:
                where = ("examples", "pass_snippets", index)
                yield _found(file, where, "example", f"it should pass, but {_is(found)} takes it", _CORRECT)
        for index, name in enumerate(examples.get("cookies", ())):
            found = catalogue.match_cookie(name)
            if found is None or found.vendor != vendor:
                says = f"the cookie {name} should be {vendor}'s, but {_is(found)} takes it"
                yield _found(file, ("examples", "cookies", index), "example", says, _CORRECT)
        for index, name in enumerate(examples.get("pass_cookies", ())):
            if (found := catalogue.match_cookie(name)) is not None:
                says = f"the cookie {name} should be nobody's, but {_is(found)} takes it"
                yield _found(file, ("examples", "pass_cookies", index), "example", says, _CORRECT)


CHECKS: tuple[Check, ...] = (
    domains_twice,
    rules_twice,
    cookies_twice,
    shadowed,
    examples_missing,
    near_misses_missing,
    too_broad,
    names_clash,
    related_unknown,
)
_TAKE_OUT = "take one of the two out"
_NARROW = "name a host, or more of the path or the query"
_CORRECT = "correct the rule or the example"


def cookie_glob(name: str) -> re.Pattern[str]:
    """A cookie's name as a pattern: `*` is any run of characters."""
    return re.compile(".*".join(map(re.escape, name.split("*"))) + r"\Z", re.DOTALL)


def _found(file: Document, where: Sequence[str | int], check: str, what: str, remedy: str) -> Finding:
    return Finding(file.path, file.line(where), check, what, remedy)


def _whole(domain: Mapping[str, Any]) -> bool:
    return bool(domain.get("scope", "host") == "host")


def _pattern(rule: Mapping[str, Any]) -> _Pattern:
    return (rule["host"], rule["path"], rule.get("query"), rule.get("attribute"))


def _by_host(
    files: Files,
) -> dict[str, list[tuple[Document, tuple[str | int, ...], str, _Pattern]]]:
    """The request rules and exemptions of each host pattern in the order in which they are asked."""
    found: dict[str, list[tuple[tuple[bool, int], Document, tuple[str | int, ...], str, _Pattern]]] = {}
    for file in files:
        for section in ("requests", "exempt"):
            for index, rule in enumerate(file.value.get(section, ())):
                host, path, query, attribute = pattern = _pattern(rule)
                order = (section == "exempt", weight(path, query, attribute))
                # Rules for any host are asked only for paths that end as theirs.
                key = f"* {stem(path)}" if host == "*" else host
                found.setdefault(key, []).append((order, file, (section, index), rule.get("rule", "exempt"), pattern))
    return {
        host: [rest for _, *rest in sorted(rules, key=lambda each: each[0], reverse=True)]  # type: ignore[misc]
        for host, rules in found.items()
    }


def _takes_all(wide: _Pattern, narrow: _Pattern) -> bool:
    """Whether a rule takes all that another takes. Of queries only equal ones, and none, can be compared."""
    _, path, query, attribute = wide
    return query in (None, narrow[2]) and attribute in (None, narrow[3]) and covers(path, narrow[1])


def _too_broad(rule: Mapping[str, Any]) -> str:
    """Why a rule takes too much, or ''."""
    host, path, query, attribute = _pattern(rule)
    if host != "*" and not host.endswith(".*"):
        return ""
    pieces = [piece for piece in re.split(r"\*+|/", path) if piece]
    if attribute is not None or (query is not None and max(map(len, re.findall(r"\w+", query)), default=0) > 1):
        return ""
    if not pieces:
        # A host that is named for the vendor, as in matomo.*, may do without.
        return "" if host.endswith(".*") and "*" not in path else "takes every path on hosts of anyone"
    if host == "*":
        name, ending = stem(path), path.rpartition("/")[2].partition(".")[2]
        if (
            name in common().stems
            and ending in _ENDINGS
            and not any(len(piece) > _TELLING and piece != name for piece in pieces[:-1])
        ):
            return f"takes every file called '{name}' on hosts of anyone"
    return ""


def _exempts(rule: Mapping[str, Any], url: str) -> bool:
    parts = split(url)
    if parts is None or not within(parts.host, rule["host"].removeprefix("*.")):
        return False
    return glob(rule["path"]).match(parts.path) is not None and (
        "query" not in rule or re.search(rule["query"], parts.query) is not None
    )


def _instead(rule: str, match: Match | None) -> str:
    return f"it should be the rule '{rule}', but {_is(match)} takes it"


def _is(match: Match | None) -> str:
    if match is None:
        return "nothing"
    return f"an exemption of {match.vendor}" if match.exempt else f"{match.vendor}'s '{match.rule}'"
