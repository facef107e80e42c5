"""Alerting: from findings to alerts, as pure functions over time."""
