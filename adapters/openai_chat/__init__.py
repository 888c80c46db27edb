"""A chat model behind any OpenAI-compatible endpoint."""

from adapters.openai_chat.chat import OpenAIChat, output_cap_field_for

__all__ = ["OpenAIChat", "output_cap_field_for"]
