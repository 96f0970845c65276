"""From folders of YAML files to a Catalogue, with errors that name file, line and remedy.

A rules folder holds `vendors/*.yaml`, `platforms/*.yaml`, `destinations/*.yaml`, `surrogates/*.js`, `categories.yaml`,
`regimes.yaml`, `parameters.yaml` and `untouched.yaml`. Later folders add to earlier ones and override them by name: a
vendor, a platform or a surrogate by its file's, the entries of all other files by their own. The validated form is
cached on disk under a hash of every byte that went into it, so that a start does not parse YAML again.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .match import Catalogue, glob, regex_of, stem
from .model import (
    Category,
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
from .yamlfile import Document, RulesError, parse

# Raised whenever the cached form changes, so that an older cache is not read.
_FORM = 12
# What the files of settings list, and by which word of an entry it is known.
_SETTINGS = {"categories": "category", "regimes": "regime", "parameters": "parameter", "untouched": "host"}
_SETTINGS_FILES = tuple(f"{name}.yaml" for name in _SETTINGS)
_SCHEMAS = ("vendor.schema.json", "platform.schema.json", "destination.schema.json", "rules.schema.json")


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    content: bytes


# The files of one rules folder, by the name under which another folder may override them.
_Layer = Mapping[str, _Source]


def shipped_rules() -> Path:
    """The folder of rules that came with this installation."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_rules"
    return installed if installed.is_dir() else package.parent / "rules"


@dataclass(frozen=True, slots=True)
class Rules:
    """All that the rules folders say: the catalogue, and all else as plain validated data.

    `parameters` are those of addresses that track, `untouched` the hosts that a filter does not look into.
    """

    catalogue: Catalogue
    regimes: Mapping[str, Any]
    platforms: Mapping[str, Any]
    parameters: Sequence[Mapping[str, Any]] = ()
    untouched: Sequence[Mapping[str, Any]] = ()


def load(folders: Sequence[Path] = (), cache: Path | None = None) -> Catalogue:
    """Load just the catalogue; see load_rules()."""
    return load_rules(folders, cache).catalogue


def load_rules(folders: Sequence[Path] = (), cache: Path | None = None) -> Rules:
    """Load the shipped rules, then each of `folders` over them.

    `cache` is the folder for compiled forms; None caches nothing. Raises RulesError.
    """
    layers = [_layer(folder) for folder in (shipped_rules(), *folders)]
    key = _hash(layers)
    rules = _read_cache(cache, key)
    if rules is None:
        plain = _compile(layers)
        rules = _rules(plain)
        _write_cache(cache, key, plain)
    return rules


def vendor_documents(folders: Sequence[Path] = ()) -> Iterator[Document | RulesError]:
    """Every vendor file that load_rules() would read, parsed, or what keeps it from being parsed.

    Raises RulesError for a folder that is none.
    """
    schema = _schema("vendor.schema.json")
    sources = {name: source for folder in (shipped_rules(), *folders) for name, source in _layer(folder).items()}
    for name, source in sources.items():
        if name.startswith("vendors/"):
            try:
                yield parse(source.path, source.content, schema)
            except RulesError as error:
                yield error


def _layer(folder: Path) -> _Layer:
    if not folder.is_dir():
        raise RulesError(folder, None, "there is no such rules folder", "name a folder that holds vendors/*.yaml")
    vendors = folder / "vendors" if (folder / "vendors").is_dir() else folder
    files = {
        f"vendors/{path.name}": path for path in sorted(vendors.glob("*.yaml")) if path.name not in _SETTINGS_FILES
    }
    files |= {f"platforms/{path.name}": path for path in sorted((folder / "platforms").glob("*.yaml"))}
    files |= {f"destinations/{path.name}": path for path in sorted((folder / "destinations").glob("*.yaml"))}
    files |= {f"surrogates/{path.name}": path for path in sorted((folder / "surrogates").glob("*.js"))}
    files |= {name: folder / name for name in _SETTINGS_FILES if (folder / name).is_file()}
    # A folder may hold nothing but lists, which are read elsewhere.
    if not files and not (folder / "lists").is_dir():
        raise RulesError(folder, None, "this folder holds no rules", "put vendor files into its vendors/ folder")
    try:
        return {name: _Source(path, path.read_bytes()) for name, path in files.items()}
    except OSError as error:
        raise RulesError(
            Path(str(error.filename)), None, f"cannot be read ({error.strerror})", "check its permissions"
        ) from None


def _hash(layers: Sequence[_Layer]) -> str:
    digest = hashlib.sha256(f"consentry {_FORM}".encode())
    for schema in _SCHEMAS:
        digest.update((shipped_rules() / schema).read_bytes())
    for name, source in (each for layer in layers for each in sorted(layer.items())):
        digest.update(f"\0{name}\0{source.path}\0{len(source.content)}\0".encode())
        digest.update(source.content)
    return digest.hexdigest()


def _compile(layers: Sequence[_Layer]) -> dict[str, Any]:
    sources = {name: source for layer in layers for name, source in layer.items()}
    vendors = _documents("vendors/", sources, _schema("vendor.schema.json"))
    platforms = _documents("platforms/", sources, _schema("platform.schema.json"))
    surrogates = {
        name.removeprefix("surrogates/"): _text(source)
        for name, source in sources.items()
        if name.startswith("surrogates/")
    }
    _check(vendors, surrogates)
    ids = {document.value["vendor"] for document in vendors}
    _check_platforms(platforms, ids)
    routers = {document.value["vendor"] for document in vendors if "router" in document.value}
    return {
        "vendors": [document.value for document in vendors],
        "platforms": [document.value for document in platforms],
        "surrogates": surrogates,
        "destinations": _destinations(layers, ids, routers),
        **{name: _settings(name, layers) for name in _SETTINGS},
    }


def _documents(folder: str, sources: Mapping[str, _Source], schema: dict[str, Any]) -> list[Document]:
    found = [source for name, source in sources.items() if name.startswith(folder)]
    return [parse(source.path, source.content, schema) for source in found]


def _destinations(layers: Sequence[_Layer], vendors: set[str], routers: set[str]) -> list[dict[str, Any]]:
    """Every router's destinations; one of the same name, whatever the case, takes the place of an earlier one."""
    schema = _schema("destination.schema.json")
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for layer in layers:
        for name, source in layer.items():
            if not name.startswith("destinations/"):
                continue
            document = parse(source.path, source.content, schema)
            _check_destinations(document, vendors, routers)
            router = document.value["router"]
            for entry in document.value["destinations"]:
                found[router, entry["name"].lower()] = {"router": router, **entry}
    return list(found.values())


def _check_destinations(document: Document, vendors: set[str], routers: set[str]) -> None:
    _check_name(document, "router")
    router, seen = document.value["router"], set[str]()
    if router not in routers:
        raise document.error(
            ("router",), f"the vendor '{router}' is no router", "give its vendor file the word 'router', or rename this"
        )
    for index, entry in enumerate(document.value["destinations"]):
        vendor = entry.get("vendor")
        if vendor is not None and vendor not in vendors:
            raise document.error(
                ("destinations", index, "vendor"), f"there is no vendor '{vendor}'", _closest(vendor, vendors)
            )
        for name in {each.lower() for each in (entry["name"], *entry.get("aliases", []))}:
            if name in seen:
                raise document.error(
                    ("destinations", index), f"two destinations are called '{name}'", "take the name out of one"
                )
            seen.add(name)


def _settings(name: str, layers: Sequence[_Layer]) -> list[dict[str, Any]]:
    """The entries of every `<name>.yaml`; one of the same name takes the place of an earlier one."""
    schema = _schema("rules.schema.json")
    schema |= {"properties": {name: schema["properties"][name]}, "required": [name]}
    files = [layer[f"{name}.yaml"] for layer in layers if f"{name}.yaml" in layer]
    documents = [parse(file.path, file.content, schema) for file in files]
    entries = {entry[_SETTINGS[name]]: entry for document in documents for entry in document.value[name]}
    return list(entries.values())


def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((shipped_rules() / name).read_text("utf-8"))
    return schema


def _text(source: _Source) -> str:
    try:
        return source.content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = source.content[: error.start].count(b"\n") + 1
        raise RulesError(source.path, line, "is not UTF-8", "save it as UTF-8") from None


def _check(documents: Iterable[Document], surrogates: Mapping[str, str]) -> None:
    """What no schema can say: names that must agree, and patterns that must compile."""
    documents = list(documents)
    ids = {document.value["vendor"] for document in documents}
    owners: dict[str, Document] = {}
    for document in documents:
        value = document.value
        _check_name(document, "vendor")
        for index, domain in enumerate(value.get("domains", [])):
            name = domain["domain"]
            if domain.get("scope", "host") == "host" and owners.setdefault(name, document) is not document:
                raise document.error(
                    ("domains", index),
                    f"the domain {name} belongs to {owners[name].path.name} already",
                    "give one of the two 'scope: paths'",
                )
        for index, related in enumerate(value.get("related", [])):
            if related not in ids:
                raise document.error(("related", index), f"there is no vendor '{related}'", _closest(related, ids))
        if "listed_for" in value and not {"tcf", "google_ac"} & value.keys():
            raise document.error(
                ("listed_for",), "there is no list that names this vendor", "add tcf or google_ac, or take it out"
            )
        _check_surrogate(document, (), value, surrogates)
        for index, rule in enumerate(value.get("requests", [])):
            _check_surrogate(document, ("requests", index), rule, surrogates)
        _check_patterns(document)


def _check_name(document: Document, word: str) -> None:
    """A file is named as what it describes."""
    name, stem = document.value[word], document.path.stem
    if name != stem:
        raise document.error(
            (word,),
            f"the {word} '{name}' stands in a file named '{document.path.name}'",
            f"rename the file to {name}.yaml or the {word} to {stem}",
        )


def _check_platforms(documents: Iterable[Document], vendors: set[str]) -> None:
    """What no schema can say of platforms: names that must agree with the file's and with the vendors'."""
    for document in documents:
        _check_name(document, "platform")
        for name, vendor in document.value.get("vendors", {}).items():
            if vendor not in vendors:
                raise document.error(("vendors", name), f"there is no vendor '{vendor}'", _closest(vendor, vendors))


def _check_surrogate(
    document: Document, where: tuple[str | int, ...], holder: Mapping[str, Any], surrogates: Mapping[str, str]
) -> None:
    name = holder.get("surrogate")
    if name is not None and name not in surrogates:
        raise document.error((*where, "surrogate"), f"there is no surrogate '{name}'", "put it into surrogates/")


def _check_patterns(document: Document) -> None:
    value = document.value
    for section in ("requests", "exempt", "payloads"):
        for index, rule in enumerate(value.get(section, [])):
            if "query" in rule:
                _check_regex(document, (section, index, "query"), rule["query"])
            _check_signature(document, (section, index, "body"), rule.get("body", ()))
            if rule.get("host") == "*" and (not stem(rule["path"]) or "*" in stem(rule["path"])):
                raise document.error(
                    (section, index, "path"),
                    f"a rule for any host needs a literal file name, and '{rule['path']}' has none",
                    "begin its last segment with a literal name, as in /**/matomo.js",
                )
            glob(rule["path"])
    for index, snippet in enumerate(value.get("snippets", [])):
        _check_signature(document, ("snippets", index, "all"), snippet["all"])
    if "router" in value:
        _check_router(document)
    rules = [rule["rule"] for section in ("requests", "payloads", "snippets") for rule in value.get(section, [])]
    for name in sorted({name for name in rules if rules.count(name) > 1}):
        raise document.error((), f"two rules are named '{name}'", "give each rule a name of its own")


def _check_router(document: Document) -> None:
    """A router's rules must exist, and its patterns compile, `key` with one group."""
    router = document.value["router"]
    known = {rule["rule"] for rule in document.value.get("requests", [])}
    domains = {domain["domain"] for domain in document.value.get("domains", [])}
    for where, names in (
        (("settings",), known),
        (("listings",), known),
        (("events", "rules"), known | domains),
        (("events", "drop"), known),
    ):
        rules = router if len(where) == 1 else router[where[0]]
        for index, rule in enumerate(rules.get(where[-1], [])):
            if rule not in names:
                raise document.error(
                    ("router", *where, index), f"there is no rule '{rule}' in this file", _closest(rule, names)
                )
    for index, pattern in enumerate(router.get("key", [])):
        _check_regex(document, ("router", "key", index), pattern)
        if re.compile(pattern).groups != 1:
            raise document.error(
                ("router", "key", index), f"'{pattern}' has not one group", "put the key, and nothing else, in brackets"
            )
    for where, holder in ((("router",), router), (("router", "events"), router["events"])):
        if "shape" in holder:
            _check_regex(document, (*where, "shape", "path"), holder["shape"]["path"])


def _check_signature(document: Document, where: tuple[str | int, ...], strings: Iterable[str]) -> None:
    for position, text in enumerate(strings):
        if (pattern := regex_of(text)) is not None:
            _check_regex(document, (*where, position), pattern)


def _check_regex(document: Document, where: tuple[str | int, ...], pattern: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError) as error:
        raise document.error(
            where, f"'{pattern}' is no regular expression ({error})", "correct it, or escape it with a backslash"
        ) from None


def _closest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean '{close[0]}'?" if close else "add its file, or take the name out"


def _rules(plain: Mapping[str, Any]) -> Rules:
    catalogue = Catalogue(
        vendors=[_vendor(each) for each in plain["vendors"]],
        categories=[Category(**each) for each in plain["categories"]],
        surrogates=plain["surrogates"],
        destinations=[_destination(each) for each in plain["destinations"]],
    )
    return Rules(
        catalogue,
        {"regimes": plain["regimes"]},
        {"platforms": plain["platforms"]},
        plain["parameters"],
        plain["untouched"],
    )


def _destination(plain: Mapping[str, Any]) -> Destination:
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


def _vendor(plain: Mapping[str, Any]) -> Vendor:
    examples = plain["examples"]
    lists: dict[str, Any] = {
        name: tuple(plain.get(name, ()))
        for name in ("aliases", "industries", "globals", "related", "sources", "listed_for")
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


def _read_cache(folder: Path | None, key: str) -> Rules | None:
    """The rules as they were compiled before; None if that was never done, or what is there is damaged."""
    if folder is None:
        return None
    try:
        return _rules(json.loads((folder / f"catalogue-{key}.json").read_bytes()))
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return None


def _write_cache(folder: Path | None, key: str, plain: dict[str, Any]) -> None:
    """Keep the compiled form; a cache that cannot be written only costs time."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".new", delete=False, encoding="utf-8") as file:
            json.dump(plain, file)
        os.replace(file.name, folder / f"catalogue-{key}.json")
        for stale in sorted(folder.glob("catalogue-*.json"), key=lambda path: path.stat().st_mtime)[:-4]:
            stale.unlink(missing_ok=True)
    except OSError:
        return
