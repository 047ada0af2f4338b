"""HTTP: routes parse, call one domain function, and shape the answer."""
