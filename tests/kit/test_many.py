"""The made-up vendors are right as they are."""

from __future__ import annotations

from pathlib import Path

from proxy_addon.catalogue.load import load

from .many import DOMAINS, VENDORS, compile_rules, domain, is_known_well, made, name, write_rules


def test_made_up_files_say_what_the_schema_wants_and_their_examples_match(tmp_path: Path) -> None:
    write_rules(tmp_path / "rules", 30)
    catalogue = load([tmp_path / "rules"])
    for vendor in range(30):
        examples = catalogue.vendors[name(vendor)].examples
        for example in examples.match:
            match = catalogue.match(example.url)
            assert match is not None
            assert (match.vendor, match.rule) == (name(vendor), example.rule)
        for snippet in examples.snippets:
            assert [each.vendor for each in catalogue.match_snippets(snippet.code)] == [name(vendor)]
        assert all(catalogue.match(url) is None for url in examples.passes)


def test_every_made_up_domain_is_another() -> None:
    domains = [domain(vendor, number) for vendor in range(VENDORS) for number in range(DOMAINS)]
    assert len(set(domains)) == VENDORS * DOMAINS


def test_what_is_compiled_without_checks_is_what_checks_find(tmp_path: Path) -> None:
    rules, cache = write_rules(tmp_path / "rules", 30), tmp_path / "cache"
    compile_rules(rules, cache)
    assert load([rules], cache).vendors == load([rules]).vendors
    assert is_known_well(0)
    assert "stub" in made(0)
