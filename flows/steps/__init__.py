"""What a night does, step by step."""
