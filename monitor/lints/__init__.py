"""Lints over catalog facts that SQL alone cannot judge, shaped like checks."""
