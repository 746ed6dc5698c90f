"""OpenRouter: OpenAI's dialect with costs and routing."""
