"""Labelled rows and several who judged each of them: scores, configs, annotators, side by side with intervals."""
