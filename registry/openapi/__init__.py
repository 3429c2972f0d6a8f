"""The OpenAPI document: grouped, with an example of every request and answer, and its page."""
