"""What `import consentgate` gives."""

from __future__ import annotations

import subprocess
import sys

import pytest

import consentgate


def test_the_public_names_are_there() -> None:
    """Every name that the package promises can be imported from it."""
    for name in consentgate.__all__:
        assert getattr(consentgate, name).__doc__


@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
def test_the_protocols_are_there_when_they_are_asked_for(protocol: str) -> None:
    """`consentgate.asgi` and `consentgate.wsgi` need no import of their own, and cost none."""
    module = consentgate.__getattr__(protocol)
    assert module is getattr(consentgate, protocol)
    script = f"import consentgate; consentgate.{protocol}.ConsentMiddleware; import sys; "
    script += "sys.exit('starlette' in sys.modules and 'werkzeug' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603  # our own interpreter


def test_an_unknown_name_is_an_attribute_error() -> None:
    """Any other name is missing as in any module."""
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        consentgate.nothing  # noqa: B018  # asking is the test
