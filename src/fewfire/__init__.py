"""Neural networks that compute, for each example, only the few neurons that matter."""
