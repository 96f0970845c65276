"""What changed between two audits of a site. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .model import VIOLATION, AuditResult, Finding


@dataclass(frozen=True, slots=True)
class Turned:
    """A vendor whose cell in a state is another than before."""

    vendor: str
    state: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Diff:
    """`new` and `gone` are findings by their keys; `turned` are cells of the matrix; hosts are uncatalogued ones."""

    new: tuple[Finding, ...]
    gone: tuple[Finding, ...]
    turned: tuple[Turned, ...]
    new_hosts: tuple[str, ...]
    gone_hosts: tuple[str, ...]

    @property
    def worse(self) -> bool:
        """Whether there is a violation that was not there before."""
        return any(each.severity == VIOLATION for each in self.new)


def diff(before: AuditResult, after: AuditResult) -> Diff:
    """What the later result has that the earlier has not, and the other way round."""
    old, new = ({each.key: each for each in result.findings} for result in (before, after))
    hosts_before, hosts_after = ({each.host for each in result.hosts} for result in (before, after))
    return Diff(
        tuple(each for key, each in new.items() if key not in old),
        tuple(each for key, each in old.items() if key not in new),
        _turned(before, after),
        tuple(sorted(hosts_after - hosts_before)),
        tuple(sorted(hosts_before - hosts_after)),
    )


def _turned(before: AuditResult, after: AuditResult) -> tuple[Turned, ...]:
    """Cells that differ, of states that both have: one that was left out of an audit says nothing."""
    shared = [each.state for each in after.states if each.state in {state.state for state in before.states}]
    cells = [
        {row.vendor: {name: cell.what for name, cell in row.cells.items()} for row in each.vendors}
        for each in (before, after)
    ]
    vendors = dict.fromkeys([*cells[0], *cells[1]])
    absent = "not there"
    pairs = (
        (vendor, state, cells[0].get(vendor, {}).get(state, absent), cells[1].get(vendor, {}).get(state, absent))
        for vendor in vendors
        for state in shared
    )
    return tuple(Turned(*pair) for pair in pairs if pair[2] != pair[3])
