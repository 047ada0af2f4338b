"""Image and text towers: nano (ours) and CLIP."""
