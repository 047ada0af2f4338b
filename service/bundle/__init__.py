"""The bundle: what a service loads, checked before it is trusted."""
