"""What every model answers, and what training taught it about the data."""
