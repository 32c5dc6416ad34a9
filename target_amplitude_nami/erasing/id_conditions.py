"""Builds conditions on ids for SQL."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from target_amplitude_nami.erasing.person import Ids


class Condition(t.NamedTuple):
    """An SQL expression with `?`, and the values of these."""

    sql: str
    values: tuple[str, ...] = ()

    def and_(self, sql: str) -> Condition:
        """Return this and another condition, which has no values."""
        return Condition(f"({self.sql}) AND ({sql})", self.values)

    def and_not(self, other: Condition) -> Condition:
        """Return this condition without another one."""
        return Condition(
            f"({self.sql}) AND NOT ({other.sql})", (*self.values, *other.values)
        )


def among(column: str, ids: Ids) -> Condition:
    """Return whether a column is one of some ids; UUIDs in any case."""
    parts = [
        Condition(f"{name} IN ({', '.join('?' * len(some))})", tuple(sorted(some)))
        for name, some in ((column, ids.others), (f"lower({column})", ids.uuids))
        if some
    ]
    return any_of(*parts)


def any_of(*conditions: Condition) -> Condition:
    """Return whether at least one of some conditions is fulfilled."""
    sql = " OR ".join(f"({each.sql})" for each in conditions) or "0"
    return Condition(sql, tuple(value for each in conditions for value in each.values))
