"""Maintenance: from findings and facts to an action or a refusal, all pure."""
