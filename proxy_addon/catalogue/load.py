"""From folders of YAML files to a Catalogue, with errors that name file, line and remedy.

A rules folder holds `vendors/*.yaml`, `platforms/*.yaml`, `destinations/*.yaml`, `surrogates/*.js`, `categories.yaml`,
`regimes.yaml`, `parameters.yaml` and `untouched.yaml`. Later folders add to earlier ones and override them by name: a
vendor, a platform or a surrogate by its file's, the entries of all other files by their own. The validated form is
cached on disk under a hash of every byte that went into it, so that a start does not parse YAML again: see cache.py.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cache import VENDORS, Cache, Checked
from .index import Index, compile_index, regex_of, stem
from .match import Catalogue, glob
from .model import Category, Vendor
from .shelf import ShelfIndex
from .values import LazyVendors, destination_of, vendor_of
from .yamlfile import Document, RulesError, parse

# Raised whenever the cached form changes, so that an older cache is not read.
_FORM = 14
# What the files of settings list, and by which word of an entry it is known.
_SETTINGS = {"categories": "category", "regimes": "regime", "parameters": "parameter", "untouched": "host"}
_SETTINGS_FILES = tuple(f"{name}.yaml" for name in _SETTINGS)
_SCHEMAS = ("vendor.schema.json", "platform.schema.json", "destination.schema.json", "rules.schema.json")


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    content: bytes


# The files of one rules folder, read.
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
    files = [_files(folder) for folder in (shipped_rules(), *folders)]
    schemas = {name: f"{shipped_rules()}/{name}" for name in _SCHEMAS}
    kept = Cache(cache, _FORM, [*files, schemas]) if cache is not None else None
    if kept is not None and (shelf := kept.unchanged()) is not None:
        return _shelved(shelf)
    layers = [_read(each) for each in files]
    key = _hash(layers)
    if kept is not None and (shelf := kept.find(key)) is not None:
        return _shelved(shelf)
    documents, facts = _compile(layers, kept.checked() if kept is not None else {})
    vendors = {document.value["vendor"]: vendor_of(document.value) for document in documents.values()}
    index = compile_index(vendors.values())
    if kept is not None:
        records = {each.value["vendor"]: Checked(digest, each.value) for digest, each in documents.items()}
        shelf = kept.write(key, index, records, facts)
        if shelf is not None:
            return _shelved(shelf)
    return _open(index, vendors, facts)


def vendor_documents(folders: Sequence[Path] = ()) -> Iterator[Document | RulesError]:
    """Every vendor file that load_rules() would read, parsed, or what keeps it from being parsed.

    Raises RulesError for a folder that is none.
    """
    schema = _schema("vendor.schema.json")
    layers = [_read(_files(folder)) for folder in (shipped_rules(), *folders)]
    for name, source in {name: source for layer in layers for name, source in layer.items()}.items():
        if name.startswith("vendors/"):
            try:
                yield parse(source.path, source.content, schema)
            except RulesError as error:
                yield error


def _files(folder: Path) -> Mapping[str, str]:
    """The files of a rules folder, by the name under which another folder may override them."""
    if not folder.is_dir():
        raise RulesError(folder, None, "there is no such rules folder", "name a folder that holds vendors/*.yaml")
    vendors = folder / "vendors" if (folder / "vendors").is_dir() else folder
    for each in (folder, vendors, folder / "platforms", folder / "destinations"):
        for path in _ending(each, ".yml").values():
            raise RulesError(Path(path), None, "files that end with .yml are not read", "let it end with .yaml")
    files = {f"vendors/{name}": path for name, path in _ending(vendors, ".yaml").items() if name not in _SETTINGS_FILES}
    for kind, ending in (("platforms", ".yaml"), ("destinations", ".yaml"), ("surrogates", ".js")):
        files |= {f"{kind}/{name}": path for name, path in _ending(folder / kind, ending).items()}
    files |= {name: f"{folder}/{name}" for name in _SETTINGS_FILES if (folder / name).is_file()}
    # A folder may hold nothing but lists, which are read elsewhere.
    if not files and not (folder / "lists").is_dir():
        raise RulesError(folder, None, "this folder holds no rules", "put vendor files into its vendors/ folder")
    return files


def _ending(folder: Path, ending: str) -> Mapping[str, str]:
    """The paths in a folder that end so, by their names; there may be ten thousand."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(ending))
    except OSError:
        return {}
    return {name: f"{folder}/{name}" for name in names}


def _read(files: Mapping[str, str]) -> _Layer:
    try:
        return {name: _Source(Path(path), Path(path).read_bytes()) for name, path in files.items()}
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


def _compile(
    layers: Sequence[_Layer], checked: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Document], dict[str, Any]]:
    """What the files say, checked: the vendors by the digests of their files, and everything else.

    `checked` are vendors' files that were found to be right before, by their digests.
    """
    sources = {name: source for layer in layers for name, source in layer.items()}
    found = _vendors(sources, checked)
    vendors = list(found.values())
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
    facts = {
        "platforms": [document.value for document in platforms],
        "surrogates": surrogates,
        "destinations": _destinations(layers, ids, routers),
        **{name: _settings(name, layers) for name in _SETTINGS},
    }
    return found, facts


def _vendors(sources: Mapping[str, _Source], checked: Mapping[str, Mapping[str, Any]]) -> dict[str, Document]:
    name = "vendor.schema.json"
    schema, rules = _schema(name), hashlib.sha256((shipped_rules() / name).read_bytes()).digest()
    found: dict[str, Document] = {}
    for file, source in sources.items():
        if file.startswith("vendors/"):
            # Two files may say the same; that their names differ is looked at later.
            named = file.encode("utf-8", "surrogateescape")
            digest = hashlib.sha256(rules + named + b"\0" + source.content).hexdigest()
            value = checked.get(digest)
            found[digest] = (
                parse(source.path, source.content, schema)
                if value is None
                else Document(source.path, value, None, RulesError, source.content)
            )
    return found


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


def _open(index: Index, vendors: Mapping[str, Vendor], facts: Mapping[str, Any]) -> Rules:
    catalogue = Catalogue.compiled(
        index,
        vendors,
        categories=[Category(**each) for each in facts["categories"]],
        surrogates=facts["surrogates"],
        destinations=[destination_of(each) for each in facts["destinations"]],
    )
    return Rules(
        catalogue,
        {"regimes": facts["regimes"]},
        {"platforms": facts["platforms"]},
        facts["parameters"],
        facts["untouched"],
    )


def _shelved(shelf: ShelfIndex) -> Rules:
    return _open(shelf, LazyVendors(shelf.keys(VENDORS), lambda name: shelf.read(VENDORS, name)[1]), shelf.facts)
