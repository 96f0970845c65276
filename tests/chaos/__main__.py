"""Kill each part once under load, and print what browsers saw of it."""

from __future__ import annotations

import sys

from .killing import Plan, run

_PLAN = Plan(before=2.0, away=2.0, after=6.0)


def main() -> int:
    """Run it all; 1 if something went against consent, or acknowledged evidence was lost."""
    found, wrong = run(_PLAN)
    print("| killed | requests | failed | share | seconds with failures | evidence kept |\n|---|---|---|---|---|---|")
    for each in found:
        kept = f"{each.stored - each.lost:,} of {each.stored:,}"
        share = each.failed / max(1, each.requests)
        print(f"| {each.part} | {each.requests:,} | {each.failed:,} | {share:.1%} | {each.lasted:.1f} | {kept} |")
    print(f"\nPages against consent, or without their guard: {len(wrong)}")
    for page in wrong[:5]:
        print(page, file=sys.stderr)
    return 1 if wrong or any(each.lost for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
