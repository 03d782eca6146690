"""Cookies that are known already: what frameworks set, and what well-known providers set.

A preset is taken by its name. It saves typing, it decides nothing: a site's own
line about a cookie stands above it.
"""

from consentgate.presets.catalogue import Known, Preset, known, names, preset

__all__ = ["Known", "Preset", "known", "names", "preset"]
