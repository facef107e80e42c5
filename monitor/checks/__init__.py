"""Checks: rules on statistics with thresholds, one module each, all pure.

A check module contains a docstring (title, then cost and cure: it is the check's
page), `UNIT`, a frozen dataclass `Thresholds` and `check(view, thresholds)`.
"""
