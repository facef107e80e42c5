"""Rows of panels that dashboards put together."""
