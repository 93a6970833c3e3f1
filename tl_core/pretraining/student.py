"""The network that learns, what it learns from, and the average of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tl_core.backbones.catalog import family_of, find_card
from tl_core.backbones.load import head_names
from tl_core.backbones.weights import check_fit

# How much each lesson counts. The teacher's logits are softened by a temperature; its square keeps
# the size of the gradient (Hinton et al., 2015).
_TEMPERATURE = 3.0
_LOGITS, _FEATURES = 1.0, 4.0
_KEPT = 0.998  # of the average at each step: about the last 500 steps count


class Student(nn.Module):
    """A backbone with a head for the classes and, with a teacher, two that imitate its answers.

    The extra heads are thrown away: they are there so that the features hold what the teacher's
    hold (Hinton et al., 2015, for logits; Romero et al., "FitNets", 2015, for features).

    Args:
        backbone: name in the catalogue.
        classes: of the collection.
        logits: outputs of the teacher's head; 0 without a teacher.
        features: outputs of the teacher's body; 0 without a teacher.
        seed: of the first weights.
        start: weights of the backbone to begin with instead of random ones.

    Raises:
        UserError: `start` holds the weights of another network.
    """

    def __init__(
        self,
        backbone: str,
        classes: int,
        logits: int,
        features: int,
        seed: int,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        family, card = family_of(backbone), find_card(backbone)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = family.build(backbone)
            self._own_head = head_names(network, family)
            if start is not None:
                check_fit(network.state_dict(), start, self._own_head, card.title)
                network.load_state_dict(start, strict=False)
            self.chain = family.assemble(network, classes)
            self.logits = nn.Linear(card.features, logits) if logits else None
            self.features = nn.Linear(card.features, features) if features else None
        average = deepcopy(network).requires_grad_(False)
        self.average = family.assemble(average, classes).requires_grad_(False)
        self.average.load_state_dict(self.chain.state_dict())
        # In a list, so that its tensors are not part of this module a second time.
        self._averaged_network = [average]

    def train(self, mode: bool = True) -> Student:
        """Set the mode; the average is always in evaluation mode."""
        super().train(mode)
        self.average.eval()
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return class logits and, with a teacher, imitations of its logits and features."""
        for stage in self.chain.stages.values():
            x = stage(x)
        return (
            self.chain.head(x),
            self.logits(x) if self.logits is not None else None,
            self.features(x) if self.features is not None else None,
        )

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move the average towards the weights (Polyak and Juditsky, 1992); quickly at first."""
        share = 1 - min(_KEPT, (1 + step) / (10 + step))
        pairs = zip(self.average.state_dict().values(), self.chain.state_dict().values(),
                    strict=True)  # fmt: skip
        for mean, value in pairs:
            if mean.is_floating_point():
                mean.lerp_(value, share)
            else:
                mean.copy_(value)

    def published(self) -> dict[str, Tensor]:
        """Return the averaged weights by their published names, without a head, in half precision.

        Half precision keeps 3 significant digits; what is loaded is made fp32 again.
        """
        state = self._averaged_network[0].state_dict()
        return {
            name: tensor.half().contiguous() if tensor.is_floating_point() else tensor
            for name, tensor in state.items()
            if name not in self._own_head
        }


def lesson(
    answers: tuple[Tensor, Tensor | None, Tensor | None],
    labels: Tensor,
    logits: Tensor | None,
    features: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Return the loss to descend, and the share of it that the classes alone make.

    Args:
        answers: the student's.
        labels: int64 `(N,)`.
        logits: the teacher's, `(N, C)`.
        features: the teacher's, `(N, F)`, around their mean.
    """
    own, like_logits, like_features = answers
    of_classes = loss = F.cross_entropy(own.float(), labels)
    if logits is not None and like_logits is not None:
        wanted = (logits.float() / _TEMPERATURE).softmax(1)
        given = (like_logits.float() / _TEMPERATURE).log_softmax(1)
        apart = F.kl_div(given, wanted, reduction="batchmean") * _TEMPERATURE**2
        loss = loss + _LOGITS * apart
    if features is not None and like_features is not None:
        alike = F.cosine_similarity(like_features.float(), features.float(), dim=1)
        loss = loss + _FEATURES * (1 - alike).mean()
    return loss, of_classes.detach()
