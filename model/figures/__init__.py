"""Figures of riders, their machines and animals, for classes that no permitted footage shows."""
