"""Networks: layers, gates, the arrays of their weights, and what they answer."""
