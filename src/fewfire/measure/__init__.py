"""How good and how fast answers are: metrics, label frequencies, latency, energy."""
