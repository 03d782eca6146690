"""`consentgate ledger` and its commands: the proof of choices, for people."""
