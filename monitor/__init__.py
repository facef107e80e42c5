"""pgvigil watches PostgreSQL, explains, alerts, advises and, when allowed, repairs."""

__version__ = "0.1.0"
