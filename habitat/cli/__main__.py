"""``python -m habitat.cli``: the same as the command habitat."""

from habitat.cli import main

main()
