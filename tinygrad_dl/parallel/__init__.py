"""Training on data in shards, on this machine or many: the loss and gradient of each shard, summed in a fixed order."""

from .engines import Engine
from .sharded import ShardedLoss, value_and_grad
from .shards import ShardError

__all__ = ["Engine", "ShardError", "ShardedLoss", "value_and_grad"]
