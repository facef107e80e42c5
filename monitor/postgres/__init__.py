"""Talking to PostgreSQL: connections, deadlines, queries, migrations, changes."""
