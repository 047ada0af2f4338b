"""Training records and the loader that turns them into batches."""
