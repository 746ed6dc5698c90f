"""
Vendors by address: which of litellm's providers is which of ours, and where those are that genai-prices lacks.

Addresses are those that litellm 1.106.2 itself uses (`llms/openai_like/providers.json`, `constants.py`, its providers'
code). A vendor without a fixed public address has no row: at an address that anyone may have, a name proves no price.
"""

from __future__ import annotations

import re

# Not chat, or routes that no profile of llmo addresses by host.
LEFT_OUT = re.compile(r"huggingface_.*|elevenlabs|voyageai|cursor|openai-decisions|typesafe|github-copilot")
VERTEX = ("anthropic", "mistral", "llama", "ai21", "deepseek", "qwen", "zai", "openai", "minimax", "moonshot")
PROVIDERS = {
    "anthropic": ("anthropic",),
    "aws": ("bedrock", "bedrock_converse"),
    "azure": ("azure", "azure_ai"),
    "cohere": ("cohere_chat", "cohere"),
    "fireworks": ("fireworks_ai",),
    "google": ("gemini", "vertex_ai", "vertex_ai-language-models", *(f"vertex_ai-{one}_models" for one in VERTEX)),
    "moonshotai": ("moonshot",),
    "together": ("together_ai",),
    "x-ai": ("xai",),
}
"""Where a vendor of genai-prices goes by another name in litellm's map."""
MORE_HOSTS = {"together": ["api.together.ai"]}
KNOWN_AS = {"fireworks": "fireworks_ai"}
"""litellm's prefix, where genai-prices has no rule for it."""

MORE = {
    "ai21": ("AI21", ["api.ai21.com"]),
    "aihubmix": ("AIHubMix", ["aihubmix.com"]),
    "cognition": ("Cognition", ["api.cognition.ai"]),
    "crusoe": ("Crusoe", ["managed-inference-api-proxy.crusoecloud.com"]),
    "darkbloom": ("Darkbloom", ["api.darkbloom.dev"]),
    "dashscope": ("Alibaba Model Studio", ["dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com"]),
    "deepinfra": ("DeepInfra", ["api.deepinfra.com"]),
    "featherless_ai": ("Featherless", ["api.featherless.ai"]),
    "friendliai": ("FriendliAI", ["api.friendli.ai"]),
    "gmi": ("GMI Cloud", ["api.gmi-serving.com"]),
    "gradient_ai": ("DigitalOcean Gradient", ["inference.do-ai.run"]),
    "hyperbolic": ("Hyperbolic", ["api.hyperbolic.xyz"]),
    "inception": ("Inception", ["api.inceptionlabs.ai"]),
    "lambda_ai": ("Lambda", ["api.lambda.ai"]),
    "libertai": ("LibertAI", ["api.libertai.io"]),
    "llamagate": ("LlamaGate", ["api.llamagate.dev"]),
    "morph": ("Morph", ["api.morphllm.com"]),
    "nebius": ("Nebius", ["api.studio.nebius.ai", "api.studio.nebius.com", "api.tokenfactory.nebius.com"]),
    "nscale": ("Nscale", ["inference.api.nscale.com"]),
    "pinstripes": ("Pinstripes", ["pinstripes.io"]),
    "prism": ("Prism", ["api.prisminference.com"]),
    "publicai": ("Public AI", ["api.publicai.co"]),
    "sail": ("Sail Research", ["api.sailresearch.com"]),
    "sambanova": ("SambaNova", ["api.sambanova.ai"]),
    "sarvam": ("Sarvam", ["api.sarvam.ai"]),
    "scaleway": ("Scaleway", ["api.scaleway.ai"]),
    "scx-ai": ("SCX.ai", ["api.scx.ai"]),
    "tencent": ("Tencent", ["tokenhub-intl.tencentcloudmaas.com"]),
    "tensormesh": ("Tensormesh", ["serverless.tensormesh.ai"]),
    "v0": ("v0", ["api.v0.dev"]),
    "vercel_ai_gateway": ("Vercel AI Gateway", ["ai-gateway.vercel.sh"]),
    "volcengine": ("Volcengine", ["ark.cn-beijing.volces.com"]),
    "wandb": ("W&B Inference", ["api.inference.wandb.ai"]),
    "xiaomi_mimo": ("Xiaomi MiMo", ["api.xiaomimimo.com"]),
}
"""Vendors that only litellm prices: name and hosts; the id is litellm's prefix."""
MORE_PATTERNS = {
    "bedrock_mantle": ("Amazon Bedrock (OpenAI's API)", r"https://bedrock-mantle\.[a-z0-9-]+\.api\.aws(?:/|$)"),
    "snowflake": ("Snowflake Cortex", r"https://[^/]+\.snowflakecomputing\.com(?:/|$)"),
}
"""The same, where the host is of the customer or the region."""
REGIONAL = {"aws", "azure", "bedrock_mantle"}


def regional(vendor: str, name: str) -> bool:
    """Whether a name has a region before a slash, that no address tells: only litellm itself is asked for it."""
    return "/" in name and vendor in REGIONAL
