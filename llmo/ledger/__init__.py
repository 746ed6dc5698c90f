"""The ledger: what every call of this user has reserved and cost, and the limits on both."""
