"""Writes every dashboard to `dashboards/json`: run `python -m dashboards`."""

from __future__ import annotations

import sys

from dashboards import JSON, documents


def main() -> None:
    """Write the dashboards and remove the files of those that are gone."""
    found = documents()
    JSON.mkdir(exist_ok=True)
    for stale in sorted(set(JSON.glob("*.json")) - found.keys()):
        stale.unlink()
    for path, text in found.items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
