"""Looks at the topics under a running worker: one look every few seconds, whatever it holds.

More partitions, a topic that is gone or was made again, another fleet in the group: to go on
would be a lie, because records would stay unread, or offsets would mean others. Such a worker is
unready at once, and ends when a second look says the same. A broker that does not answer is no
evidence of anything. Wrong settings are warned of once, with the command that helps.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from app.runtime.clock import now
from app.runtime.guard import Exit, Leave
from app.runtime.topics import advice, configs
from app.runtime.topics.configs import Wrong
from app.runtime.topics.group import strangers
from app.runtime.topics.metadata import Seen, look, settings_of
from app.runtime.topics.shapes import Topics
from app.settings import Settings

log = logging.getLogger(__name__)

EVERY = 5.0  # seconds between two looks
AGAIN = 1.0  # the same, while something seems to be wrong
SURE = 2.0  # seconds after which a second answer is believed
# What a broker does not know it may only not know yet: it has just started.
GONE = 15.0


class TopicWatch:
    """The state of the topics as one worker sees it.

    Parameters
    ----------
    client
        Connections to the brokers.
    pass_expired
        Moves on where retention took what was not read.
    leave
        Ends the process.
    """

    def __init__(
        self,
        settings: Settings,
        names: Topics,
        client: Callable[[], AIOKafkaClient],
        pass_expired: Callable[[], Awaitable[None]],
        leave: Leave,
        clock: Callable[[], float] = now,
    ) -> None:
        self.settings, self.names = settings, names
        self.client, self.pass_expired, self.leave = client, pass_expired, leave
        self.ids: dict[str, str] = {}  # as they were at the start
        self.doubt: str | None = None  # why the worker must not go on, if that proves true
        self.wrong: set[Wrong] = set()
        self.rules = configs.rules(settings, names)
        self.looked_at = configs.looked_at(self.rules)
        self.clock, self._since = clock, 0.0

    async def run(self) -> None:
        """Look at regular intervals."""
        while True:
            await asyncio.sleep(AGAIN if self.doubt else EVERY)
            try:
                async with asyncio.timeout(EVERY):
                    await self.look()
            except (KafkaError, TimeoutError) as error:
                log.debug("No broker tells the state of the topics: %r", error)

    async def look(self) -> None:
        """One look at everything."""
        client = self.client()
        seen = await look(client, self.ids)
        self.judge(seen, await strangers(client, self.settings.app_id, self.names))
        self.warn(seen, await settings_of(client, self.ids, self.looked_at))
        if self.doubt is None:
            await self.pass_expired()

    def judge(self, seen: Mapping[str, Seen | None], group: str | None = None) -> None:
        """Become unready over what must not be; end the process when it is certain.

        `group` says who else reads in the group, if that must not be.
        """
        found, patience = self._fault(seen)
        found = found or group
        if found is None:
            self.doubt = None
        elif found != self.doubt:
            log.warning("Not ready: %s", found)
            self.doubt, self._since = found, self.clock()
        elif self.clock() - self._since >= patience:
            self.leave(Exit.STATE, found)

    def _fault(self, seen: Mapping[str, Seen | None]) -> tuple[str | None, float]:
        """What is wrong, and for how many seconds it must be so before it is believed."""
        for name, one in seen.items():
            if one is not None and one.id != self.ids[name]:
                if why := advice.of_remade(self.names, name):
                    return why, SURE
                log.warning("%s was deleted and made again", name)
                self.ids[name] = one.id
        if why := advice.of_counts(self.settings, self.names, seen):
            return why, SURE
        if missing := [name for name, one in seen.items() if one is None]:
            return advice.of_missing(missing), GONE
        return None, SURE

    def warn(self, seen: Mapping[str, Seen | None], found: Mapping[str, Mapping[str, str]]) -> None:
        """Warn of each wrong setting once, for as long as it stays as it is."""
        wrong = set(configs.wrong(self.rules, found, seen))
        for one in sorted(wrong - self.wrong):
            log.warning("%s", one.sentence(self.settings.brokers))
        for one in sorted(self.wrong - wrong):
            log.info("%s has %s=%s no longer", one.topic, one.setting, one.value)
        self.wrong = wrong
