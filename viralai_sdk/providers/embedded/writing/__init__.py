"""The embedded text engine: useful jobs done by rules, without a key, model or network. It never imitates a chat."""

from .creative import hooks, titles
from .engine import Written, write
from .errors import WritingError
from .ranking import key_phrases, summarize
from .schema.sampler import sample

__all__ = ["WritingError", "Written", "hooks", "key_phrases", "sample", "summarize", "titles", "write"]
