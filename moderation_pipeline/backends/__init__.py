"""What agents think with: language models, decision models, embedders, the reply cache, prices."""
