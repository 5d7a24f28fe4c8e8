"""Who talks in a synthetic chat: personas, conversations and vocabulary as YAML, and what makes chat of them.

`library` reads the YAML, `phrases` is its small grammar, `cast` the people, `voice` and `evasion` how they
type, `staging` who says what when. The settings, the records and the file are in `comments/synthetic.py`.
"""
