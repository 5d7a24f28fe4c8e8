"""All disagreements of a chat beside its report: page by page, searched, and called right or wrong."""
