"""What a run was told, as an exported script states it; an export puts in the run's own values."""

from __future__ import annotations

from tl_core.backbones.card import Preprocessing
from tl_core.training.phases import Phase

BACKBONE = "resnet18"
CLASSES: tuple[str, ...] = ("ants", "bees")
SEED = 0

# How a picture becomes what the network sees.
PREPROCESSING = Preprocessing()

# torchvision's name of the weights that training starts from, or a file beside this script;
# both empty: it starts from random weights.
PUBLISHED = ""
STARTS_FROM = ""

# One line of training after another; `cut` counts the stages that stay frozen.
PHASES: tuple[Phase, ...] = ()

# Logits are divided by the temperature; an answer below the threshold is better not believed.
TEMPERATURE = 1.0
THRESHOLD = 0.0

# Every picture of the run by the beginning of its file's SHA-256, so that names and folders do
# not matter: what it is for, its class number, then the pictures.
PICTURES = ""
