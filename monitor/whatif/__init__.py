"""What-if: planning without touching production."""
