"""What a module shares with the core: memory that must stay where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Shared(nn.Module):
    """A module whose parameters and buffers are arrays that the core reads and changes: on the CPU,
    of the types they have, and never replaced by others."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Shared:
        for wanted in (torch.float32, torch.int64):
            probe = torch.zeros(1, dtype=wanted)
            made = fn(probe)
            if made.device.type != "cpu":
                raise RuntimeError(
                    f"{type(self).__name__} computes on the CPU and cannot move to {made.device}: "
                    "keep it there, and give it hidden.cpu()"
                )
            if made.dtype != wanted:
                raise RuntimeError(
                    f"{type(self).__name__} cannot become {made.dtype}: weights are stored as "
                    'given by dtype="float32" or "bfloat16", and computed with in float32'
                )
            if made.is_shared():
                raise RuntimeError(
                    f"{type(self).__name__} cannot move to shared memory: processes get copies "
                    "of it by pickle"
                )
        return self

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, *others: Any
    ) -> None:
        if local_metadata.get("assign_to_params_buffers", False):
            raise RuntimeError(
                f"{type(self).__name__} shares its memory with the core: load_state_dict copies "
                "into it, and does not do so with assign=True"
            )
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *others)
