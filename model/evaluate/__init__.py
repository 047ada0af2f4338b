"""Evaluation: every figure with its controls, the number of items and an interval."""
