"""Owns `python -m worker`, which is `likeness` where the console command is not on the PATH."""

from worker.cli import main

if __name__ == "__main__":
    main()
