"""The nouns of the norm as frozen values. Italian terms: docs/glossary.md."""
