"""Chat models over HTTP: endpoints that speak OpenAI's protocol, and what they turn out to be able to do."""
