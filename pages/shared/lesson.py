"""The lesson: its chapters in the order of the notes, each with something to do at its end."""

from __future__ import annotations

from dataclasses import dataclass

from pages.shared.wording import MEASURING, TRANSFER_LEARNING, WAYS


@dataclass(frozen=True)
class Chapter:
    """One chapter.

    Attributes:
        key: in the address.
        title: on the page.
        text: what is taught, in Markdown.
        study: the kind of study that it ends with, or nothing.
        doing: what the study shows on one's own pictures.
    """

    key: str
    title: str
    text: str
    study: str = ""
    doing: str = ""


CHAPTERS = (
    Chapter("idea", "Transfer learning", f"{TRANSFER_LEARNING}\n\n{WAYS}"),
    Chapter(
        "network",
        "A chain of stages",
        "A **convolutional network** looks at a picture through small windows, each a few pixels "
        "wide. A **filter** is one pattern that a window is compared with: an edge that runs "
        "upwards, a change from blue to orange. What comes out is a new picture that is bright "
        "wherever the pattern was found, one for each filter, and the next layer looks at those "
        "in the same way. After each few layers the pictures become smaller and there are more "
        "of them: less of *where*, more of *what*.\n\n"
        "Headstart draws every network as a **chain of named stages**, groups of layers, with a "
        "**head** at the end that names the classes. Early stages have found edges, colours and "
        "textures in every network that was ever looked into, whatever it was trained for; late "
        "ones answer to eyes, wheels or letters, to what the training pictures had "
        "(Zeiler and Fergus, 2013; Yosinski and others, 2014). That is why a network can be "
        "reused, and why it matters where the chain is **cut**: what lies before the cut is "
        "frozen, what lies after it learns.",
    ),
    Chapter(
        "years",
        "The ImageNet years",
        "From 2010 to 2017 teams competed every year to name what a photo shows, out of 1000 "
        "classes, after learning from 1.2 million labelled photos. An answer counts as wrong when "
        "the class is not among the five best guesses: the **top-5 error**. In 2010 and 2011 "
        "people designed the features by hand and a linear machine told them apart. In 2012 a "
        "network that learned its own features made a third fewer mistakes than anybody before, "
        "and every winner since has been such a network. Their weights are what you start from.",
        "decade",
        "The same years on your pictures: features made by hand and a linear machine as in 2010, "
        "then a new head on each network, with one split and one seed.",
    ),
    Chapter(
        "time",
        "Less time",
        "What is frozen needs no training, so an epoch costs a fraction; what Headstart computes "
        "of the frozen part is kept, so it is computed once and not in every epoch. And the rest "
        "starts close to where it has to go, so it takes fewer epochs.",
        "race",
        "The network with its head start against the same network with random numbers, on one "
        "clock: how much sooner does it get there?",
    ),
    Chapter(
        "pictures",
        "Fewer pictures",
        "What the backbone saw before stands in for pictures that you do not have. How much that "
        f"is worth was measured. {MEASURING['what']}",
        "how-many",
        "Right answers with 1, 2, 5, 10 … pictures of each class, with the head start and without.",
    ),
    Chapter(
        "steps",
        "Step by step",
        "Training a network of your own is five steps, and each is a page here. Nothing needs to "
        "be set by hand: the learning rate, the batch size and the number of epochs are chosen "
        "for you, and the reason stands beside them on the Train page.",
    ),
    Chapter(
        "depth",
        "Freeze or fine-tune",
        "How much should stay frozen? Two questions decide: how **many** pictures you have, and "
        "how **near** they are to the photos that the backbone was trained on.\n\n"
        "- *Few pictures, near*: feature extraction. A new head has few numbers to learn, and "
        "what the backbone knows fits.\n"
        "- *Many pictures, near*: fine-tune the last stages, or stay with feature extraction if "
        "its figure is good enough.\n"
        "- *Few pictures, far* (X-rays, drawings, satellites): cut earlier, because late stages "
        "know what you do not need, and train gently.\n"
        "- *Many pictures, far*: fine-tune much of the network, or all of it.\n\n"
        "Whatever learns should first get a head that has learned: otherwise the random head "
        "shakes the stages before it. Training the head alone and then fine-tuning came out "
        "1 point better on pictures of the same kind and 10 points on pictures of another kind "
        "than fine-tuning at once (Kumar and others, 2022).",
        "where-to-cut",
        "A small linear probe after every stage tells how well your classes can be told apart "
        "there, and a training step tells what each cut would cost.",
    ),
    Chapter(
        "backbone",
        "Which backbone",
        "A backbone that does well on ImageNet mostly does well elsewhere (Kornblith and others, "
        "2019), and yet not always on *your* pictures. Asking costs seconds: pass the training "
        "pictures through each frozen network, and see how well a linear probe tells the classes "
        "apart, each picture by a probe that learned from all the others.",
        "which-backbone",
        "The backbones whose weights are on this machine, ranked on your pictures, with how far "
        "the ranking can be trusted.",
    ),
    Chapter("words", "The words", "What the words on these pages mean."),
)

PUBLISHED = (
    "| pictures | frozen, a new head | fine-tuned | from scratch |\n|---|---|---|---|\n"
    "| Pets (37 breeds) | 91.5 % | 92.1 % | 81.5 % |\n"
    "| Cars (196 models) | 66.7 % | **92.1 %** | 91.4 % |\n"
    "| CIFAR-10 (small photos) | 93.6 % | **97.5 %** | 95.9 % |\n"
    "| Caltech-101 (objects) | **94.5 %** | 93.3 % | 72.6 % |\n"
    "| DTD (textures) | **74.9 %** | 74.6 % | 64.8 % |"
)
PUBLISHED_READING = (
    "ResNet-50 from ImageNet, as published (Grill and others, 2020, table 3). Freezing everything "
    "costs 25 points on car models, nothing on pets, and is best on textures and objects."
)

SLIPS = (
    "**2014 belongs to two networks.** GoogLeNet won with 6.67 %; VGG came second with 7.3 %. "
    "Both figures are of 7 networks together. GoogLeNet is sometimes put into 2015.",
    "**2015 belongs to ResNet**, with 3.57 %, by several ResNets together; it is sometimes put "
    "into 2016, which Trimps-Soushen won with 2.99 %.",
    "**ZFNet did not win 2013.** Clarifai did, with 11.74 %, the company of Matthew Zeiler; "
    "ZFNet is the network of his paper.",
    "**AlexNet's 15.32 %** needed extra training pictures; with the contest's own it was 16.42 %.",
    "**Contest figures are not those of the weights that you download.** Winners averaged several "
    "networks over many crops of each test picture; the weights are of one network, measured on "
    "the validation pictures with one crop. They stand apart in the chart.",
    "**About 5.1 % was one trained person's error** (Russakovsky and others, 2015), who had "
    "learned the 1000 classes for it; another person made 12 %.",
)
