"""Collectors: run a statistics query on a schedule, return typed rows."""
