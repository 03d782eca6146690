"""Where the time goes: the two main ASGI scenarios under cProfile."""

from __future__ import annotations

import cProfile
import pstats

from benchmarks import asgi

_RUNS = 30_000
_LINES = 25


def show() -> None:
    """Print the functions in which most time is spent, their own time first."""
    for title, scenario in (
        ("ASGI, nothing to do", asgi.nothing_to_do),
        ("ASGI, known token, three Set-Cookie", asgi.known_token),
    ):
        gated = scenario()["consentgate"]
        gated(_RUNS // 10)
        profile = cProfile.Profile()
        profile.runcall(gated, _RUNS)
        print(f"{title}: {_RUNS:,} requests (a profiler makes short functions look dearer)")
        pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(_LINES)
