"""A labelled table of one's own: the scores in it and the keyless configs, judged side by side without a config."""
