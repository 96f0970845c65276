"""What the end-to-end tests stand on: servers on loopback, the real proxy, a real browser."""
