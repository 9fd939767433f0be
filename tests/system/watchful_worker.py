"""A worker that looks at its topics ten times as often as others: tests wait for its looks."""

from app.cli import cli
from app.runtime import topic_watch

if __name__ == "__main__":
    topic_watch.EVERY = 0.5
    topic_watch.AGAIN = 0.1
    topic_watch.SURE = 0.5
    cli(["worker"])
