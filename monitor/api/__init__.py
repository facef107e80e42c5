"""The HTTP surface: metrics, status, findings, actions and the page."""
