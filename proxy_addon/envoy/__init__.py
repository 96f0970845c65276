"""The adapter for Envoy: a package, since Envoy has to be configured and watched over as well as answered."""
