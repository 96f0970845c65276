"""The lint finds what is wrong with vendor files, and nothing in those that are shipped."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from proxy_addon.catalogue import load
from proxy_addon.cli import main
from proxy_addon.lint import lint as module
from proxy_addon.lint.finding import Finding
from proxy_addon.lint.lint import lint

from ..small import ship, write

GOOD = """\
vendor: beta
name: Beta Counter
owner: Beta Ltd
website: https://beta.test
category: analytics
overview: Counts page views for these tests, and is no product of anybody.
domains:
  - {domain: beta.test, label: analytics}
requests:
  - {rule: beta-script, kind: script, host: cdn.beta.test, path: "/*.js", what: The script.}
exempt:
  - {host: beta.test, path: /help/**, why: The handbook counts nobody.}
snippets:
  - {rule: beta-loader, all: [beta.load], what: The loader.}
cookies:
  - {name: "beta_*", party: first, lifetime: a year, purpose: The visitor's id.}
examples:
  match:
    - {url: "https://beta.test/x", rule: beta.test}
    - {url: "https://cdn.beta.test/a.js", rule: beta-script}
  pass: ["https://notbeta.test/", "https://beta.test/help/me"]
  snippets: [{rule: beta-loader, code: beta.load(1)}]
  pass_snippets: [beta.say(1)]
  cookies: [beta_id]
  pass_cookies: [beta]
"""
OTHER = GOOD.replace("beta", "gamma").replace("Beta", "Gamma")


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own beside a shipped one with acme only."""
    shipped = ship(tmp_path / "shipped", monkeypatch)
    monkeypatch.setattr(module, "shipped_rules", lambda: shipped)
    return tmp_path / "mine"


def found(folder: Path, *texts: str) -> list[Finding]:
    for text in texts:
        write(folder, f"vendors/{text.partition('vendor: ')[2].partition(chr(10))[0]}.yaml", text)
    return lint([folder])[0]


def test_the_shipped_vendor_files_have_no_findings() -> None:
    findings, count = lint()
    assert [each.words() for each in findings] == []
    assert count == len(list((load.shipped_rules() / "vendors").glob("*.yaml")))


def test_a_file_with_nothing_wrong_has_no_findings(mine: Path) -> None:
    assert found(mine, GOOD, OTHER) == []


CHANGES = [
    (
        "an example of a rule is missing",
        "rule: beta-script}\n  pass",
        "rule: beta.test}\n  pass",
        "no-example",
        "the rule 'beta-script'",
    ),
    (
        "a domain has no example",
        'x", rule: beta.test}',
        'x.js", rule: beta-script}',
        "no-example",
        "the domain 'beta.test'",
    ),
    (
        "a snippet has no example",
        "  snippets: [{rule: beta-loader, code: beta.load(1)}]\n",
        "",
        "no-example",
        "'beta-loader'",
    ),
    ("a cookie has no example", "  cookies: [beta_id]\n", "", "no-example", "'beta_*'"),
    ("an exemption has no example", ', "https://beta.test/help/me"', "", "no-example", "beta.test/help/**"),
    ("every URL that passes is exempt", '"https://notbeta.test/", ', "", "no-near-miss", "exempt"),
    ("snippets have no near miss", "  pass_snippets: [beta.say(1)]\n", "", "no-near-miss", "pass_snippets"),
    ("cookies have no near miss", "  pass_cookies: [beta]\n", "", "no-near-miss", "pass_cookies"),
    ("a cookie takes a common name", 'name: "beta_*"', 'name: "*session*"', "too-broad", "takes session,"),
    ("a domain is a public suffix", "domain: beta.test,", "domain: co.uk,", "too-broad", "public suffix"),
    ("a domain is everyone's", "domain: beta.test,", "domain: ajax.googleapis.com,", "too-broad", "files of anyone"),
    (
        "a rule takes a common file on any host",
        'host: cdn.beta.test, path: "/*.js"',
        'host: "*", path: /main.js',
        "too-broad",
        "'main'",
    ),
    (
        "a rule takes every path of a first label",
        'host: cdn.beta.test, path: "/*.js"',
        'host: stats.*, path: "/**"',
        "too-broad",
        "every path",
    ),
    (
        "a payload looks for little in every body",
        "exempt:",
        "payloads: [{rule: hidden, path: /**, body: [beta], what: A body.}]\nexempt:",
        "too-broad",
        "looks for little in every body",
    ),
    (
        "a payload has no example",
        "exempt:",
        "payloads: [{rule: hidden, path: /**x, body: [beta], what: A body.}]\nexempt:",
        "no-example",
        "'hidden'",
    ),
    (
        "payloads have no near miss",
        "exempt:",
        "payloads: [{rule: hidden, path: /**x, body: [beta], what: A body.}]\nexempt:",
        "no-near-miss",
        "pass_payloads",
    ),
    ("a related vendor does not exist", "website:", "related: [acm]\nwebsite:", "related", "did you mean 'acme'?"),
    ("a vendor is related to itself", "website:", "related: [beta]\nwebsite:", "related", "to itself"),
    ("an alias is another's name", "owner:", "aliases: [acme counter]\nowner:", "clash", "acme.yaml"),
    ("an alias stands twice", "owner:", "aliases: [B, b]\nowner:", "clash", "'b' stands here twice"),
    ("a name is another's", "name: Beta Counter", "name: Acme Counter", "clash", "acme.yaml"),
    ("a domain is another's", "domain: beta.test,", "domain: acme.test,", "duplicate", "acme.yaml"),
    (
        "a domain is below one of its own",
        "requests:",
        "  - {domain: a.beta.test, label: analytics}\nrequests:",
        "duplicate",
        "below beta.test",
    ),
    ("a first-party cookie is another's", 'name: "beta_*"', 'name: "acme_*"', "duplicate", "acme.yaml"),
    (
        "a cookie stands twice",
        "examples:",
        '  - {name: "beta_*", party: first, lifetime: a day, purpose: Again.}\nexamples:',
        "duplicate",
        "twice",
    ),
    (
        "two rules name the same requests",
        "exempt:",
        '  - {rule: again, kind: script, host: cdn.beta.test, path: "/*.js", what: Again.}\nexempt:',
        "duplicate",
        "'beta-script' in this file",
    ),
    ("a rule is in another file too", "host: cdn.beta.test", "host: cdn.acme.test", "duplicate", "acme.yaml"),
    ("an exemption takes all of a rule", "path: /help/**", 'path: "/**"', "example", "an exemption of beta"),
    ("a file is no YAML", "owner: Beta Ltd", "owner: 'Beta", "load", "is not YAML"),
    ("a pattern does not compile", "all: [beta.load]", "all: ['/(/']", "load", "no regular expression"),
    (
        "an example comes out otherwise",
        'a.js", rule: beta-script',
        'a.css", rule: beta-script',
        "example",
        "it should be the rule 'beta-script', but beta's 'beta.test' takes it",
    ),
    (
        "a URL should pass and does not",
        "https://notbeta.test/",
        "https://www.beta.test/",
        "example",
        "beta's 'beta.test' takes it",
    ),
    ("code should pass and does not", "[beta.say(1)]", "[beta.load(2)]", "example", "beta's 'beta-loader'"),
    ("a cookie should be nobody's and is not", "pass_cookies: [beta]", "pass_cookies: [beta_x]", "example", "nobody's"),
]


@pytest.mark.parametrize(
    ("before", "after", "check", "what"), [each[1:] for each in CHANGES], ids=[c[0] for c in CHANGES]
)
def test_a_mistake_is_found_where_it_stands(mine: Path, before: str, after: str, check: str, what: str) -> None:
    assert before in GOOD
    findings = found(mine, GOOD.replace(before, after, 1))
    assert [each for each in findings if each.check == check and what in each.words()], [f.words() for f in findings]
    assert all(each.path == mine / "vendors" / "beta.yaml" and "\n" not in each.words() for each in findings)


def test_a_rule_that_an_exemption_swallows_can_never_win(mine: Path) -> None:
    swallowed = GOOD.replace("host: beta.test, path: /help/**", 'host: cdn.beta.test, path: "/**"')
    words = [each.words() for each in found(mine, swallowed) if each.check == "shadowed"]
    assert len(words) == 1
    assert "the rule 'beta-script' can never win: 'exempt' takes all that it takes" in words[0]


def test_a_rule_with_a_query_leaves_something_to_a_plain_one(mine: Path) -> None:
    rule = (
        '  - {rule: longer, kind: script, host: cdn.beta.test, path: "/**", query: version=beta, what: Any.}\nexempt:'
    )
    example = '    - {url: "https://cdn.beta.test/x?version=beta", rule: longer}\n  pass'
    assert found(mine, GOOD.replace("exempt:", rule, 1).replace("  pass", example, 1)) == []


def test_a_heavier_rule_that_takes_all_of_a_lighter_one_shadows_it(mine: Path) -> None:
    # Equally heavy: the one that stands first is asked first.
    rules = """\
  - {rule: all-of-it, kind: script, host: x.beta.test, path: "/aaaa**", what: All.}
  - {rule: some-of-it, kind: script, host: x.beta.test, path: "/aaaa*", what: Some.}
exempt:"""
    words = [each.words() for each in found(mine, GOOD.replace("exempt:", rules, 1)) if each.check == "shadowed"]
    assert len(words) == 1
    assert "'some-of-it' can never win: 'all-of-it' takes all" in words[0]


def test_only_the_folder_that_is_named_is_complained_of(mine: Path) -> None:
    # The small acme has no example of its script.
    assert any(each.check == "no-example" for each in lint()[0])
    assert found(mine, GOOD) == []


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> object:
    def run(*args: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["consentry", "vendors", "lint", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


def test_the_command_ends_with_0_where_nothing_is_found(mine: Path, run: object) -> None:
    write(mine, "vendors/beta.yaml", GOOD)
    assert run(str(mine)) == (0, "No findings in 1 file.\n", "")  # type: ignore[operator]


def test_the_command_ends_with_1_and_names_file_and_line(mine: Path, run: object) -> None:
    path = write(mine, "vendors/beta.yaml", GOOD.replace("  cookies: [beta_id]\n", ""))
    code, out, err = run(str(mine))  # type: ignore[operator]
    assert code == 1
    assert out == (
        f"{path}:16: no example shows the cookie 'beta_*'; add one to examples, under cookies. [no-example]\n"
    )
    assert err == "1 finding in 1 file.\n"


def test_the_command_writes_json(mine: Path, run: object) -> None:
    path = write(mine, "vendors/beta.yaml", GOOD.replace("  cookies: [beta_id]\n", ""))
    code, out, _ = run(str(mine), "--json")  # type: ignore[operator]
    assert code == 1
    assert json.loads(out) == [
        {
            "file": str(path),
            "line": 16,
            "check": "no-example",
            "what": "no example shows the cookie 'beta_*'",
            "remedy": "add one to examples, under cookies",
        }
    ]


def test_a_folder_that_does_not_exist_is_one_sentence(mine: Path, run: object) -> None:
    code, _, err = run(str(mine / "nowhere"))  # type: ignore[operator]
    assert (code, err.count("\n")) == (2, 1)
    assert "there is no such rules folder" in err
