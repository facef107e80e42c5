"""Notifiers: deliver alerts, one module per kind of receiver."""
