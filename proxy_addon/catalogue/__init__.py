"""The catalogue: which vendor a URL, an inline script or a cookie belongs to."""
