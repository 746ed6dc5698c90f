"""
A LangChain chain over llmo: prompt, model, parser, for many inputs at once and under one cap.

Needs the extra `langchain`. Pass texts as arguments, or none for three of its own:

    python chain.py "Der Rahmen ist verzogen." "Where is my refund?"

Try it without a key: LLMO_PROFILE=offline python chain.py
"""

import sys

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from llmo.langchain import ChatLlmo

TEXTS = [
    "Guten Tag, seit dem letzten Update stürzt die App beim Öffnen des Kalenders ab.",
    "hey, how do i change the email on my account",
    "Bonjour, je n'arrive plus à me connecter.",
]

# One model for the chain: `auto` routes by the task, the cap and the budgets of the profile hold for all calls.
model = ChatLlmo(model="auto", max_cost="0.10", max_tokens=200)
prompt = ChatPromptTemplate.from_messages(
    [
        ("system", "You answer customers of a shop in their language, in at most two friendly sentences."),
        ("human", "{message}"),
    ]
)
chain = prompt | model | StrOutputParser()

messages = sys.argv[1:] or TEXTS
for message, answer in zip(messages, chain.batch([{"message": one} for one in messages]), strict=True):
    print(f"> {message}\n{answer}\n")
