"""Captions to subject-verb-object triplets with hard negatives."""
