"""`python -m srkit` is the same command as `srkit`."""

from srkit.cli.main import main

if __name__ == "__main__":
    main()
