"""What a visitor loads to be asked: the files of the pages, and the banner in a page."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

from benchmarks import material
from benchmarks.measure import Effort
from benchmarks.tables import Table
from consentgate import Consent, ConsentGate
from consentgate.exchange import Exchange
from consentgate.pages.static import static_files

# vanilla-cookieconsent 3.1.0 as its package on npm has it, minified: measured in November 2026.
_OTHERS = {
    "orestbida/cookieconsent 3.1.0, script": (23_459, 10_194),
    "orestbida/cookieconsent 3.1.0, stylesheet": (32_207, 5_319),
}


def tables(_: Effort) -> Iterator[Table]:
    """Weigh them, plain and compressed."""
    files = static_files()
    gate = ConsentGate(material.POLICY, secret_key=material.KEY)
    banner = Consent(Exchange(gate, [])).banner_html().encode("ascii", "xmlcharrefreplace")
    ours = {
        "consentgate, script": files["js"].content,
        "consentgate, stylesheet": files["css"].content,
        "consentgate, cookie guard": files["guard"].content,
        "consentgate, consent mode": files["mode"].content,
        "consentgate, the banner in a page": banner,
    }
    weighed = {name: (len(data), len(gzip.compress(data, 9))) for name, data in ours.items()}
    yield Table(
        "What a visitor loads to be asked",
        ["bytes", "plain", "gzipped"],
        [
            [name, f"{plain:,}", f"{gzipped:,}"]
            for name, (plain, gzipped) in (weighed | _OTHERS).items()
        ],
        [
            "goals: 3 KB gzipped for the script, 2 KB for the guard; neither is minified",
            "without its script the other asks nothing; ours is a convenience",
        ],
    )
