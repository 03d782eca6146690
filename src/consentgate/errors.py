"""What consentgate raises: for the developer's mistakes, never for a visitor's input."""


class ConsentGateError(Exception):
    """The root of every exception of this package.

    Raised as itself for a wrong configuration, at construction: the message
    says what is wrong, where, and how to mend it.
    """


class ResponseStartedError(ConsentGateError):
    """A choice changed when the headers of the response had already been handed on.

    The new choice holds for the rest of the exchange, but no `Set-Cookie` can
    tell the browser any more, unless the app starts its response once again
    (WSGI's `exc_info`).
    """
