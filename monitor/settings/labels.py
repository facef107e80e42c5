"""Checks the labels that operators give to targets."""

from __future__ import annotations

import re

from monitor.settings.values import problem

_LABEL = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
RESERVED_LABELS = frozenset(
    {
        "alertname",
        "check",
        "datname",
        "indexrelname",
        "instance",
        "job",
        "le",
        "level",
        "object",
        "quantile",
        "queryid",
        "relname",
        "rolname",
        "schemaname",
        "server",
        "severity",
        "usename",
    }
)
"""Labels that metrics, findings or Prometheus itself give a meaning."""


def check_labels(labels: dict[str, str]) -> dict[str, str]:
    """Refuse labels that Prometheus could not take or that would hide ours."""
    for name, value in labels.items():
        if not _LABEL.fullmatch(name):
            raise problem("has a label that is not a Prometheus label name")
        if name in RESERVED_LABELS:
            raise problem(f'must not set the label "{name}"; it has a meaning already')
        if _UNSAFE.search(value):
            raise problem(f'has a control character in the label "{name}"')
    return labels
