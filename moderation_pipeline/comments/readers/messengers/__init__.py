"""Readers of what messengers export of a channel or a group: Discord, Telegram, Slack, WhatsApp."""
