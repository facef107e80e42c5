"""The SQL parser behind one package: relations, predicates, fingerprints."""
