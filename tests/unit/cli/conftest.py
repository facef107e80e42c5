"""Keeps what a command does to logging from reaching other tests."""

from tests.loggers import restored_logging

__all__ = ["restored_logging"]
