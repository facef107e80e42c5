"""Settings: what an operator may decide, from file, secrets, environment and CLI."""

from __future__ import annotations

from monitor.settings.loading import config_path, load
from monitor.settings.redaction import redacted
from monitor.settings.root import Settings

__all__ = ["Settings", "config_path", "load", "redacted"]
