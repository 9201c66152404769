"""The ledger's tables."""

from commands.models.batches import BatchMember, CommandBatch
from commands.models.kinds import CustomKind
from commands.models.ledger import Command, CommandEvent

__all__ = ["BatchMember", "Command", "CommandBatch", "CommandEvent", "CustomKind"]
