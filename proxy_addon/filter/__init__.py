"""What makes a forward proxy one to live with: what passes untouched, pauses, addresses without tracking."""
