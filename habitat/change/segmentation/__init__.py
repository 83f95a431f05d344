"""Compiled work of multi-break segmentation: sums and lasso models, screening of outliers, the walk along a series."""
