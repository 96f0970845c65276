"""From the plain data of rules files, validated, to the frozen values of the model."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from .model import (
    Connected,
    Cookie,
    Destination,
    Domain,
    Events,
    Examples,
    Exemption,
    MatchExample,
    Payload,
    PayloadExample,
    Question,
    RequestRule,
    Router,
    Shape,
    Snippet,
    SnippetExample,
    StorageKey,
    Vendor,
)

# So many vendors are kept as values once they were asked for.
_KEPT = 256


class LazyVendors(Mapping[str, Vendor]):
    """Vendors by their ids, each made into a value when it is asked for."""

    def __init__(self, ids: Collection[str], read: Callable[[str], Mapping[str, Any]]) -> None:
        """`read` gives a vendor's plain data; it raises KeyError where there is none."""
        self._ids = ids
        self._read = read
        self._kept: OrderedDict[str, Vendor] = OrderedDict()

    def __getitem__(self, name: str) -> Vendor:
        found = self._kept.get(name)
        if found is None:
            found = self._kept[name] = vendor_of(self._read(name))
            if len(self._kept) > _KEPT:
                # Another thread may have taken the last one out.
                self._kept.pop(next(iter(list(self._kept)), name), None)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


def vendor_of(plain: Mapping[str, Any]) -> Vendor:
    """A vendor from its file's validated content."""
    examples = plain["examples"]
    lists: dict[str, Any] = {
        name: tuple(plain.get(name, ()))
        for name in ("aliases", "industries", "globals", "bundle", "gtm", "related", "sources", "listed_for")
    }
    texts: dict[str, Any] = {
        name: plain[name]
        for name in ("script", "stub", "withdraw", "surrogate", "block_without_consent")
        if name in plain
    }
    return Vendor(
        **{name: plain[name] for name in ("vendor", "name", "owner", "website", "category", "overview")},
        **lists,
        **texts,
        domains=tuple(Domain(**each) for each in plain.get("domains", ())),
        requests=tuple(RequestRule(**each) for each in plain.get("requests", ())),
        payloads=tuple(Payload(**{**each, "body": tuple(each.get("body", ()))}) for each in plain.get("payloads", ())),
        exempt=tuple(Exemption(**each) for each in plain.get("exempt", ())),
        snippets=tuple(Snippet(**{**each, "all": tuple(each["all"])}) for each in plain.get("snippets", ())),
        cookies=tuple(Cookie(**each) for each in plain.get("cookies", ())),
        storage=tuple(StorageKey(**each) for each in plain.get("storage", ())),
        tells_consent=plain.get("tells_consent", False),
        tcf=plain.get("tcf"),
        google_ac=plain.get("google_ac"),
        router=_router(plain["router"]) if "router" in plain else None,
        law=dict(plain.get("law", {})),
        questions=tuple(Question(**each) for each in plain.get("questions", ())),
        examples=Examples(
            match=tuple(
                MatchExample(each["url"], each["rule"], tuple(each.get("attributes", ()))) for each in examples["match"]
            ),
            passes=tuple(examples["pass"]),
            snippets=tuple(SnippetExample(**each) for each in examples.get("snippets", ())),
            pass_snippets=tuple(examples.get("pass_snippets", ())),
            cookies=tuple(examples.get("cookies", ())),
            pass_cookies=tuple(examples.get("pass_cookies", ())),
            payloads=tuple(PayloadExample(**each) for each in examples.get("payloads", ())),
            pass_payloads=tuple(PayloadExample(**each) for each in examples.get("pass_payloads", ())),
        ),
    )


def destination_of(plain: Mapping[str, Any]) -> Destination:
    """A destination from an entry of its file, with `router` added."""
    texts = {name: plain[name] for name in ("router", "name", "category", "vendor", "why") if name in plain}
    return Destination(**texts, mode=tuple(plain.get("mode", ())), aliases=tuple(plain.get("aliases", ())))


def _router(plain: Mapping[str, Any]) -> Router:
    lists: dict[str, Any] = {
        name: tuple(plain.get(name, ())) for name in ("settings", "listings", "itself", "key", "ask")
    }
    return Router(
        **lists,
        connected=_connected(plain["connected"]),
        listed=_connected(plain.get("listed", ())),
        shape=_shape(plain.get("shape")),
        grown=plain.get("grown", ""),
        shrunk=plain.get("shrunk", ""),
        events=_events(plain["events"]),
    )


def _events(plain: Mapping[str, Any]) -> Events:
    lists: dict[str, Any] = {
        name: tuple(plain.get(name, ())) for name in ("rules", "drop", "marks", "preferences", "title")
    }
    texts: dict[str, Any] = {name: plain[name] for name in ("switches", "batch", "all", "key", "kind") if name in plain}
    return Events(**lists, **texts, names=dict(plain.get("names", {})), shape=_shape(plain.get("shape")))


def _connected(plain: Iterable[Mapping[str, Any]]) -> tuple[Connected, ...]:
    return tuple(Connected(tuple(each["at"]), each["form"], tuple(each.get("name", ()))) for each in plain)


def _shape(plain: Mapping[str, Any] | None) -> Shape | None:
    return Shape(plain["path"], tuple(plain["has"])) if plain else None
