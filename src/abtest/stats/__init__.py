"""Pure numerics on small frozen statistics: no frames, files or specs."""
