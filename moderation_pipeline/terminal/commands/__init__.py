"""The commands of `moderation`, one a file."""
