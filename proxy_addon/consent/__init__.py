"""What a visitor has said, and what the law makes of silence."""
