"""The ImageNet contest's official figures: top-5 error on the test pictures, in percent.

Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge" (2015), and the contest's
result pages.
"""

from __future__ import annotations

from dataclasses import dataclass

HUMAN = 5.1
"""What one person made who had trained for it, about."""


@dataclass(frozen=True)
class Year:
    """A team of one year.

    Attributes:
        year: of the contest.
        team: as it was entered.
        how: what it did.
        error: top-5, in percent, without extra training pictures.
        place: 1 for the winner.
    """

    year: int
    team: str
    how: str
    error: float
    place: int = 1


YEARS = (
    Year(2010, "NEC-UIUC", "features made by hand, a linear machine", 28.19),
    Year(2011, "XRCE", "Fisher vectors, a linear machine", 25.77),
    Year(2012, "AlexNet (SuperVision)", "a network of 8 layers", 16.42),
    Year(2013, "Clarifai", "several networks like ZFNet", 11.74),
    Year(2014, "GoogLeNet", "7 networks of 22 layers", 6.67),
    Year(2014, "VGG", "7 networks of 16 and 19 layers", 7.3, place=2),
    Year(2015, "ResNet", "several networks of up to 152 layers", 3.57),
    Year(2016, "Trimps-Soushen", "several networks", 2.99),
)

SINGLE = ("alexnet", "zfnet512", "vgg16", "googlenet", "resnet50", "convnext_tiny")
"""Backbones whose downloadable weights stand beside them."""
