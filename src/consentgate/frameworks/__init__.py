"""How an app asks about the choice in its framework's own idiom."""
