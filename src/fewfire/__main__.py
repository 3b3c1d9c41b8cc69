"""`python -m fewfire` is `fewfire`."""

from .cli import main

main()
