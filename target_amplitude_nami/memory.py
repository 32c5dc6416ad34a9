"""What is remembered of earlier records."""

from __future__ import annotations


class Memory:
    """Which External ID each Nami user has; for this run."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._external_ids: dict[str, str] = {}

    def learn(self, user_id: str | None, external_id: str | None) -> None:
        """Remember a Nami user's External ID; the newest counts."""
        if user_id is not None and external_id is not None:
            self._external_ids[user_id] = external_id

    def external_id_of(self, user_id: str | None) -> str | None:
        """Return the External ID that earlier records brought."""
        return None if user_id is None else self._external_ids.get(user_id)
