"""What can go wrong in the warehouse, one class per decision that the caller can take.

WarehouseError                 one line: what happened, where, and what to do
├── BadLocation                an address that cannot be one: correct the setting
├── NoWarehouse                nothing has been written there yet
├── Unreachable                the database or the storage does not answer: check it, then try again
├── NewerVersion               a later release wrote it: install that release
├── Outdated                   an earlier DuckLake wrote it: a command that writes migrates it
├── Unwritable                 the directory or its files refuse to be written
├── DiskFull                   free space, then run the same command again
├── DamagedLake                    the catalogue or a data file cannot be read: restore a backup
├── MissingExtension           DuckDB's extensions are absent, made for another DuckDB, or not signed
├── AuditFailed                two ways to read the lake differ: run `reelhouse check`, then restore a backup
├── Busy                       another process has it: try again when that has ended
├── Conflict                   another writer committed first: try the block again
├── SchemaMismatch             the data's columns are not the table's
├── ContractBreach             a frozen contract was broken: the batch was refused as a whole
├── BadDecision                a person's decision about an id cannot hold: name another id
└── QueryFailed                the SQL itself is wrong
    ├── OutOfMemory            the query needs more memory or temporary space than there is: ask for less
    └── Refused                the SQL asks for something that this connection may not do
"""


class WarehouseError(Exception):
    """Anything that the warehouse reports; its text is one line for a person."""


class BadLocation(WarehouseError):
    """The address of a catalogue or of data files cannot be one."""


class Unreachable(WarehouseError):
    """The database of the catalogue or the storage of the data files does not answer, or refuses."""


class NoWarehouse(WarehouseError):
    """Nothing has been written at this location yet."""


class NewerVersion(WarehouseError):
    """A later release of Reelhouse, or of its engine, wrote this warehouse."""


class Outdated(WarehouseError):
    """An earlier release of DuckLake wrote this catalogue; whoever writes migrates it after a copy."""

    def __init__(self, message: str, format: str) -> None:
        super().__init__(message)
        self.format = format


class Unwritable(WarehouseError):
    """The directory or a file in it refuses to be written."""


class DiskFull(WarehouseError):
    """No space was left; the transaction was rolled back."""


class DamagedLake(WarehouseError):
    """The catalogue or a data file cannot be read."""


class AuditFailed(WarehouseError):
    """Two ways to read the same rows gave different ones."""


class MissingExtension(WarehouseError):
    """A DuckDB extension is absent, made for another DuckDB, or not signed."""


class Busy(WarehouseError):
    """Another process is at what cannot be done twice at once, such as an upkeep or a backup."""


class Conflict(WarehouseError):
    """Another writer committed first; the same block can be tried again."""


class SchemaMismatch(WarehouseError):
    """The columns of the data are not those of the table."""


class ContractBreach(WarehouseError):
    """A value broke a contract that is frozen; nothing of the batch was kept."""


class BadDecision(WarehouseError):
    """What a person decides about an id is about none that is known, or goes against another decision."""


class MeaninglessDecision(BadDecision):
    """What a person decides has no meaning, whatever the warehouse holds."""


class QueryFailed(WarehouseError):
    """The SQL text could not be run."""


class OutOfMemory(QueryFailed):
    """The query needs more memory or temporary space than it may take."""


class Refused(QueryFailed):
    """The SQL asks for something that this connection may not do."""
