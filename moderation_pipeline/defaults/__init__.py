"""Ready-made configs, sanctions, questions and prices, shipped with the package."""
