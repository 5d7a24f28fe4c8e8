"""What a report says in words beside its numbers: what they mean, how they came about, what they mean for people."""
