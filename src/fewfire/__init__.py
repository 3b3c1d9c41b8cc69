"""Neural networks in which each example computes only the few neurons that matter, found by hashing."""
