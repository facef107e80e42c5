"""Exporters: from sheets to the text that Prometheus reads."""
