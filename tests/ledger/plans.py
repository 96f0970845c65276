"""How SQLite goes about the questions that a ledger is asked."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import event

from proxy_addon.ledger.store import Store


def planned(store: Store, question: Callable[[], object]) -> list[str]:
    """The plan of each SELECT that a question leads to, one step a line."""
    asked: list[tuple[str, object]] = []
    engine = store._engine

    def remember(*said: object) -> None:
        asked.append((str(said[2]), said[3]))

    event.listen(engine, "before_cursor_execute", remember)
    question()
    event.remove(engine, "before_cursor_execute", remember)
    with engine.connect() as connection:
        return [
            "\n".join(
                str(step[3])
                for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)  # type: ignore[arg-type]
            )
            for statement, values in asked
            if statement.startswith("SELECT")
        ]
