"""The policy file: read, checked, written, found. What is imported is imported where it is used."""
