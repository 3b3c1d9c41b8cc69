"""What every other wing may use: files, checks of settings, the ledger of work, progress."""
