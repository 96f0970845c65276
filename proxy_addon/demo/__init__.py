"""A sample shop to try Consentry on."""
