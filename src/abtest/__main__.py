"""``python -m abtest``."""

from abtest.cli.app import main

main()
