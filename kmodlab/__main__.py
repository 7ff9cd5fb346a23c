"""`python -m kmodlab` is the command `kmodlab`."""

from kmodlab.cli.main import main

main()
