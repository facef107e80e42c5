"""Builds the Grafana dashboards of pgvigil; `python -m dashboards` writes them."""
