"""A static look at saved pages and HAR files: which vendors, where, and what would become of them."""
