"""The policy as records of the ledger refer to it."""

from __future__ import annotations

from consentgate.policy import Policy
from consentgate.proof import Document


def policy_document(policy: Policy) -> Document:
    """Return the document that holds a policy: as TOML, under the hash of that.

    It is in no language: what a policy says, it says in all of them. Raises
    ConsentGateError for a policy that no file can say, see `Policy.to_toml`.
    """
    return Document.of("policy", policy.revision, "", policy.to_toml())
