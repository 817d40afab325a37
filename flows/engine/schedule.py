"""When each flow runs by itself, and what the deployments are called."""

from dataclasses import dataclass

from flows.settings import Settings

DEPLOYMENT = "reelhouse"


@dataclass(frozen=True)
class Schedules:
    """Cron expressions in UTC; an empty one leaves the flow to be started by hand.

    The night begins after TMDb's daily export, which is there at about 08:00 UTC; the report comes when a
    night, catching up included, should long be over; upkeep on Sundays, before the night. A backup is made
    where a directory is set for it.
    """

    nightly: str = "0 9 * * *"
    report: str = "0 18 * * *"
    upkeep: str = "0 6 * * 0"
    backup: str = ""

    @classmethod
    def of(cls, settings: Settings) -> "Schedules":
        """Return the schedules of these settings."""
        backup = settings.backup_cron if settings.backup else ""
        return cls(settings.nightly_cron, settings.report_cron, settings.upkeep_cron, backup)
