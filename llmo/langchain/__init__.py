"""
LangChain's chat model over `llmo.Client` (extra `langchain`).

    from llmo.langchain import ChatLlmo
"""

from llmo.langchain.chat_model import ChatLlmo

__all__ = ["ChatLlmo"]
