"""What the gate says, among the headers and cookies of a response of Django's."""

from __future__ import annotations

from http.cookies import Morsel

from django.http.response import HttpResponseBase

from consentgate.sources import JOINED


def add(response: HttpResponseBase, name: bytes, value: bytes) -> None:
    """Add what the gate says, or what it changed."""
    if name.lower() != b"set-cookie":
        field, text = name.decode("latin-1"), value.decode("latin-1")
        # Django has one line of a name. The app's own policy is left as it is.
        if field in JOINED and field in response.headers:
            text = f"{response.headers[field]}, {text}"
        response.headers[field] = text
        return
    line = _Line(value.decode("latin-1"))
    # Django sends each of the values, whatever its key: a name can be deleted in many places.
    key, number = line.key, 1
    while key in response.cookies:
        number += 1
        key = f"{line.key};{number}"
    dict.__setitem__(response.cookies, key, line)


class _Line(Morsel[str]):
    """A `Set-Cookie` value as it is, which Django and its test client take for a cookie."""

    def __init__(self, text: str) -> None:
        super().__init__()
        pair, *attributes = text.split(";")
        name, _, value = pair.partition("=")
        # Not by `set`: browsers take names, from a visitor too, that it refuses.
        self._key, self._value, self._coded_value = name.strip(" \t"), value, value
        for attribute in attributes:
            key, _, value = attribute.partition("=")
            if self.isReservedKey(key.strip(" \t")):
                self[key.strip(" \t")] = value or True
        self._text = text

    def OutputString(self, attrs: object = None) -> str:  # noqa: ARG002, N802  # as Morsel has it
        """Return the value as it is."""
        return self._text
