"""The predicting script that a run can be exported as."""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path

import torch

from tl_core.backbones.families.resnet import assemble, build
from tl_core.bundles.standalone.network import Chain, read_weights
from tl_core.bundles.standalone.pictures import normalised, open_picture
from tl_core.bundles.standalone.settings import BACKBONE, CLASSES, TEMPERATURE, THRESHOLD


def main() -> None:
    """Predict the pictures named on the command line."""
    parser = argparse.ArgumentParser(description="Predict pictures.")
    parser.add_argument("model", type=Path, help="a .headstart file, or what training saved")
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")
    options = parser.parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a code page may lack letters of the classes
        sys.stdout.reconfigure(errors="backslashreplace")
    chain = load_chain(options.model)
    answers = []
    for path in options.pictures:
        try:
            shares = predict(chain, path)
        except Exception as error:  # Pillow raises almost anything on files that are no pictures
            print(f"{path}: left out ({error})", file=sys.stderr)  # noqa: T201
            continue
        best = max(shares, key=shares.__getitem__)
        answers.append({"path": str(path), "class": best, "probabilities": shares})
        if not options.json:
            unsure = "  (not sure enough to say)" if shares[best] < THRESHOLD else ""
            print(f"{shares[best]:6.1%}  {best}  {path}{unsure}")  # noqa: T201
    if options.json:
        print(json.dumps({"predictions": answers}))  # noqa: T201


def load_chain(model: Path) -> Chain:
    """Build the network and put the trained weights into it."""
    chain: Chain = assemble(build(BACKBONE), len(CLASSES))  # type: ignore[assignment]
    chain.load_state_dict(read_weights(model))
    return chain.eval()


@torch.inference_mode()
def predict(chain: Chain, picture: Path) -> dict[str, float]:
    """Return the share of every class."""
    logits = chain(normalised(open_picture(picture)[None]))
    shares = (logits / TEMPERATURE).softmax(1)[0].tolist()
    return dict(zip(CLASSES, shares, strict=True))


if __name__ == "__main__":
    main()
