"""`consentgate schema`: the JSON Schema of the policy file."""

from __future__ import annotations

from consentgate.cli.console import print_json


def schema() -> None:
    """Print the JSON Schema of the policy file.

    With it an editor completes and checks consentgate.toml; it is the same as
    consentgate/configuration/consentgate.schema.json in the package.

    Example:
      consentgate schema > consentgate.schema.json
    """
    from consentgate.configuration.schema import schema as written

    print_json(written())
