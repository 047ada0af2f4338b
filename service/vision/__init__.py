"""Pixels in, pixels and boxes out: decoding, detection, ROIs, drawing."""
