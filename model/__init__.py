"""The researcher's side: synthesis, training, evaluation and export of SA-CLIP bundles."""
