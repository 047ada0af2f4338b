"""The longest test begins first, or one process is left alone with it at the end."""

import pytest

LONGEST = "test_pipeline_tiny.py"  # nearly a third of what all others take together


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the order of all others."""
    items.sort(key=lambda item: item.path.name != LONGEST)
