# SPDX-License-Identifier: MIT
"""Settings of gunicorn for the shop."""

from typing import Any

bind = "127.0.0.1:8000"
workers = 4


def post_worker_init(worker: Any) -> None:
    """Starts the background threads of a worker."""
    import shop

    shop.start_threads()
