"""Probes: measure what only an experiment can tell."""
