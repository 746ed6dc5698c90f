"""LangChain's chat model over `llmo.Client` (extra `llmo[langchain]`)."""
