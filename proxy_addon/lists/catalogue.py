"""A catalogue with what users' lists add to it: what is catalogued already stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from ..catalogue.domains import registrable_domain
from ..catalogue.match import Catalogue
from ..catalogue.model import Domain, Examples, Match, Vendor
from .model import Company, Entry, UserList


class Listed(Catalogue):
    """A catalogue that says of a domain which list, and where in it, has named it."""

    def __init__(
        self, base: Catalogue, vendors: Iterable[Vendor], places: Mapping[str, str], holders: Mapping[str, str]
    ) -> None:
        """`places` say where a domain was named, `holders` which vendor a list's company is (see `vendor_of`)."""
        super().__init__(
            vendors,
            base.categories,
            base.surrogates,
            [each for known in base.destinations.values() for each in known.values()],
        )
        self._places = dict(places)
        self._holders = dict(holders)
        self._laid_to = _sites(base.vendors.values())

    def match(self, url: str, *, site: str | None = None, attributes: Collection[str] = ()) -> Match | None:
        """See Catalogue; the rule of a domain that a list has named is its place there."""
        found = super().match(url, site=site, attributes=attributes)
        if found is None or found.kind != "domain" or found.rule not in self._places:
            return found
        return replace(found, rule=self._places[found.rule], what=f"{found.rule}, brought by a list")

    def vendor_of(self, each: UserList, entry: Entry, host: str) -> Vendor:
        """Whom a request to `host` is laid to: who is catalogued under that name, else whom the list names."""
        known = self._laid_to.get(registrable_domain(host))
        return self.vendors[known or self._holders[_key(each, entry.holder)]]


def with_lists(base: Catalogue, lists: Sequence[UserList]) -> Catalogue:
    """The catalogue, with the domains of lists: on vendors that are catalogued, or on vendors of the lists' own."""
    if not lists:
        return base
    ours = _Ours(base)
    added: dict[str, list[Domain]] = {}
    places: dict[str, str] = {}
    holders: dict[str, str] = {}
    companies: dict[str, tuple[Company, UserList]] = {}
    for each in lists:
        labels: dict[str, str] = {}
        for company in each.parsed.companies:
            holders[_key(each, company.vendor)] = name = _free(company, each, base, companies)
            companies.setdefault(name, (company, each))
            labels[company.vendor] = company.category
        for entry in each.parsed.domains:
            if entry.text in places or ours.knows(entry.text):
                continue
            places[entry.text] = each.place(entry)
            vendor = ours.sites.get(registrable_domain(entry.text)) or holders[_key(each, entry.holder)]
            added.setdefault(vendor, []).append(Domain(entry.text, labels[entry.holder]))
    vendors = [
        replace(vendor, domains=(*vendor.domains, *added[vendor.vendor])) if vendor.vendor in added else vendor
        for vendor in base.vendors.values()
    ]
    vendors += [_vendor(name, *said, added.get(name, ())) for name, said in companies.items()]
    return Listed(base, vendors, places, holders)


class _Ours:
    """What is catalogued already."""

    def __init__(self, base: Catalogue) -> None:
        self._scopes = {each.domain: each.scope for vendor in base.vendors.values() for each in vendor.domains}
        self.sites = _sites(base.vendors.values())

    def knows(self, domain: str) -> bool:
        """Whether a file of the catalogue has spoken of this domain, or of all of one around it."""
        if domain in self._scopes:
            return True
        around = domain.partition(".")[2]
        while around:
            if self._scopes.get(around) == "host":
                return True
            around = around.partition(".")[2]
        return False


def _key(each: UserList, holder: str) -> str:
    return f"{each.name}/{holder}"


def _sites(vendors: Iterable[Vendor]) -> dict[str, str]:
    """Which vendor a registrable domain is laid to; those of several are nobody's."""
    found: dict[str, str] = {}
    for vendor in vendors:
        for each in vendor.domains:
            site = registrable_domain(each.domain)
            found[site] = vendor.vendor if found.get(site, vendor.vendor) == vendor.vendor else ""
    return found


def _free(company: Company, each: UserList, base: Catalogue, taken: Mapping[str, tuple[Company, UserList]]) -> str:
    """The id under which a list's company is a vendor: its own, unless another has that."""
    name = company.vendor
    while name in base.vendors or not _is_same(company, taken.get(name)):
        name = f"{each.name}-{name}"
    return name


def _is_same(company: Company, other: tuple[Company, UserList] | None) -> bool:
    return other is None or (other[0].category == company.category and other[0].owner == company.owner)


def _vendor(name: str, company: Company, each: UserList, domains: Sequence[Domain]) -> Vendor:
    return Vendor(
        vendor=name,
        name=company.name,
        owner=company.owner,
        website=company.website or each.origin.source,
        category=company.category,
        overview=f"Known from the list {each.title}, which was imported from {each.origin.source}.",
        examples=Examples(),
        domains=tuple(domains),
        sources=(each.origin.source,),
    )
