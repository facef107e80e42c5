"""Times policies as named personas: bounded, read-only, off by default."""
