"""The demo: a flawed application database with realistic traffic."""
