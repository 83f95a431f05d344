"""Benchmarks: habitat's compositing beside what others do and what decoding alone costs."""
