"""Campaigns, whether they may bid, and the ledger of what they have spent."""
