"""The version of this program, equal to the one in pyproject.toml (a test compares them)."""

VERSION = "0.1.0"
