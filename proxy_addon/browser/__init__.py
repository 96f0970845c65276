"""What runs in the page, and the code that compiles it."""
