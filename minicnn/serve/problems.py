"""What is answered in place of what was asked for."""


class Problem(Exception):
    """A request that gets an error: a status of HTTP and one sentence for the client.

    Args:
        status: 400 ... 599.
        sentence: who, expected, received; without paths, versions and traces.
        headers: more of them, such as Retry-After.
    """

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None):
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, headers or {}


def busy(sentence: str, status: int = 429) -> Problem:
    """The problem of a server that has too much to do, and when to come again."""
    return Problem(status, sentence, {"retry-after": "1"})
