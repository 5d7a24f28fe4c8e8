"""Which way of asking a model is best on a labelled chat: candidates, asked within a budget, compared in pairs."""
