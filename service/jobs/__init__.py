"""Video jobs: the queue, its worker and the store of uploads and reports."""
