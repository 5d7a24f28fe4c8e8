"""Readers of what Twitch itself says: its IRC, its EventSub and its videos' chat, whoever wrote it down."""
