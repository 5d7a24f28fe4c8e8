"""Who decides: the plan, Students, Experts, their rules, prompts and questions."""
