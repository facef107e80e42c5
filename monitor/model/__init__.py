"""The nouns every layer shares: frozen values without behaviour of their own."""
