"""Training of CLIP towers on curated triplets, with the image tower locked."""
