"""Satellite habitat analysis for the Amur leopard and the Amur tiger."""
