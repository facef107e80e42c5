"""The command line: one module for each group of commands."""

from __future__ import annotations

import sys


def main() -> int:
    """Run `pgvigil` and return its exit status.

    `healthcheck` runs every few seconds in a container, so it is decided before
    anything heavy is imported.
    """
    if sys.argv[1:2] == ["healthcheck"]:
        from monitor.cli.healthcheck import healthcheck  # noqa: PLC0415

        return healthcheck(sys.argv[2:])
    from monitor.cli.root import run  # noqa: PLC0415

    return run(sys.argv[1:])
