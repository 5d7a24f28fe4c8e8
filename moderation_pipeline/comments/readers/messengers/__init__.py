"""Readers of what messengers export of a channel or a group: Discord's by DiscordChatExporter, Telegram's, Slack's."""
