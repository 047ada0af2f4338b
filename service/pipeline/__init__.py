"""From frames and clips to results: detect, encode, score, explain."""
