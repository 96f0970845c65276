"""`python -m proxy_addon` is `consentry`."""

from proxy_addon.cli import main

if __name__ == "__main__":
    main()
