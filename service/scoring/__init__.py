"""Embeddings to scores, probabilities, segments and explanations; pure numpy."""
