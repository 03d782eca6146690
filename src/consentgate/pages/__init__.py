"""The pages that ask: banner, preferences, charter."""
