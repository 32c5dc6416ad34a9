"""What became of each record: the ledger, the outcomes and the report."""
