"""Objects that do not change after construction, so that threads and loops can share them."""

from __future__ import annotations

from typing import NoReturn


class Frozen:
    """Refuses assignment: a constructor fills `vars(self)` once."""

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"{type(self).__name__} is immutable: build a new one to change {name}"
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable: {name} stays")
