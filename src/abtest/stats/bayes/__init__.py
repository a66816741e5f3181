"""Posteriors of the effect of each variant, by closed forms and fixed quadrature: no sampling."""
