"""A gate that only tells: what docs/how-to/report-only.md shows."""

# --8<-- [start:all]
from consentgate import ConsentGate
from consentgate.observers import JsonLines

gate = ConsentGate.from_toml(
    "consentgate.toml",
    report_only=True,
    observer=JsonLines("report.jsonl"),
)
# --8<-- [end:all]
