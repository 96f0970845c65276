"""Lists that users bring: read, kept up to date, and put beside the catalogue. None is shipped."""
