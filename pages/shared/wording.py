"""Words for people: the glossary, the recipes, the states."""

from __future__ import annotations

from collections.abc import Mapping

from tl_core.bundles.doubts import Doubt

GLOSSARY = {
    "backbone": "A network that somebody already trained on more than a million photos. It has "
    "learned to see edges, textures, parts and objects, and you build on that.",
    "stage": "A group of layers. Early stages see edges and colours, later ones parts and objects.",
    "head": "The last, small layer. It turns what the backbone sees into your classes, and it is "
    "always new.",
    "freeze": "Keeps what it knows: the numbers in it do not change while you train.",
    "epoch": "One pass over all your training pictures.",
    "loss": "How wrong the network is, as one number. Lower is better.",
    "validation": "Pictures that the network does not learn from. They tell whether it understands "
    "or only remembers.",
    "test": "Pictures that were kept aside until training had ended, and were used once.",
    "parameters": "The numbers inside the network that learning can change.",
    "weights": "The same numbers as a file: what somebody else's training has come to.",
    "cut": "The place in the chain before which everything is frozen and after which everything "
    "learns.",
    "feature extraction": "Training only a new head, on what the frozen backbone makes of the "
    "pictures: its features.",
    "fine-tuning": "Letting stages of the backbone learn as well, gently, after the head has.",
    "from scratch": "Training a network whose numbers begin at random.",
    "filter": "A small pattern that a layer compares every place of the picture with.",
    "features": "What a stage hands over: numbers that say what it found in the picture.",
    "linear probe": "The smallest head there is, a weighted sum for each class. It shows how much "
    "the features know by themselves.",
    "learning rate": "How large a step each correction takes.",
    "batch": "Pictures that the network looks at together before it corrects itself once.",
    "seed": "A number from which everything random follows: the same seed, the same run.",
    "point": "One hundredth of the pictures: from 90 % to 92 % right are two points.",
    "standard error": "How much a figure would move if it were counted on as many other pictures.",
    "top-5 error": "Share of pictures whose class is not among the five best guesses.",
    "run": "One training: these pictures, this backbone, this recipe, this seed.",
    "study": "One question that several runs answer together.",
}

RECIPES = {
    "feature-extraction": (
        "Feature extraction",
        "Every stage of the backbone stays frozen and only the new head learns. The quickest way, "
        "and often the best with few pictures.",
    ),
    "fine-tune": (
        "Fine-tuning",
        "First the new head learns, then the last stages learn with it. Better when your pictures "
        "look unlike ordinary photos, or when you have many.",
    ),
    "gradual": (
        "Gradual unfreezing",
        "Like fine-tuning, but one stage after another is allowed to learn, from the last towards "
        "the first.",
    ),
    "scratch": (
        "From scratch",
        "No head start: all numbers begin at random. Slow and hungry for pictures; good for seeing "
        "what the head start is worth.",
    ),
}

STATES = {
    "queued": "Waiting for its turn",
    "running": "Training",
    "paused": "Paused",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Did not work",
    "interrupted": "Interrupted",
}

# What happens next, by a run's state; after it stands what the run itself has to say.
NEXT = {
    "queued": "You may close this page: it begins by itself when its turn has come, and this "
    "address finds it again.",
    "running": "You may close this page: training goes on, and this address finds it again.",
    "paused": "Nothing is lost. Resume goes on exactly where it was, today or next week; Stop ends "
    "it here and keeps its best epoch as a model.",
    "finished": "Its best epoch is kept as a model. *Train some more* goes on where it ended.",
    "stopped": "It was ended early. Resume goes on where it was.",
    "failed": "Mend what the sentence names and resume the run, or change a setting and start a "
    "new one below. Its log says more.",
    "interrupted": "Nothing is lost, and nothing is to be done: it goes on by itself in a moment.",
}
# What a run does that was asked for something and has not come to it yet.
WISHES = {
    "pause": "Pausing after this step; nothing is lost.",
    "stop": "Stopping after this step; the best epoch so far is kept.",
}
# Of curves that would be called unfinished if the run had ended with them.
NOTHING_FROZEN = "First the new head learns, then every stage learns with it: nothing stays frozen."
STILL_LEARNING = "The validation loss is still falling: the network goes on learning."

# Of what an address names and this workspace does not hold.
GONE = {
    "data": "The pictures that this address names are not here: they were deleted, or belong to "
    "another workspace. Choose others on the Data page.",
    "run": "The run that this address names is not here: it was deleted, or belongs to another "
    "workspace. The Start page lists those that are.",
}

SPLIT_WORDS = {
    "train": "to learn from",
    "validation": "to check with",
    "test": "for the final test",
}

PLACES = {
    "auto": "chosen for you",
    "cpu": "the processor",
    "cuda": "an NVIDIA GPU",
    "mps": "an Apple GPU",
}

TRANSFER_LEARNING = (
    "A network that starts from nothing has to find out everything from your pictures, even what "
    "an edge is. It needs thousands of them, each with its label, and much time. "
    "**Transfer learning** reuses a network that somebody already trained on a large collection "
    "of other pictures: the **backbone**. What its early stages see, edges, colours and textures, "
    "is useful for almost any picture, so that is kept. Only its last layer, which names the old "
    "classes, is taken off; a new **head** for your classes takes its place and learns from your "
    "pictures."
)

WAYS = (
    "There are two ways to do it. They differ in how much of the backbone is **frozen**: what is "
    "frozen keeps what it knows, so the numbers in it do not change while you train."
)

PROMISES = {
    "Less time to train": "Most of the network is trained already. What is frozen needs no "
    "training, and the rest starts close to where it has to go.",
    "Better results from few pictures": "What the backbone saw before stands in for pictures that "
    "you do not have. How much that is worth is measured in the chapter *Fewer pictures*.",
    "Nothing to set by hand": "The learning rate, the batch size and the number of epochs are "
    "chosen for you, and the reason stands beside them on the Train page.",
}

MEASURING = {
    "what": "*Mini* is the small backbone that comes with Headstart. It learned these pictures "
    "by feature extraction and by fine-tuning, and beside it the same network learned them **from "
    "scratch**: with random numbers at the beginning, and as many epochs as fine-tuning has. A "
    "**point** is one hundredth of the pictures.",
    "reading": "Each mark is the mean over draws of the pictures to learn from, and the bar "
    "through it is the **spread**: how much the draws differ (standard deviation). With few "
    "pictures it is wide, because it matters which ones were drawn. A difference that is smaller "
    "than both spreads together is called too close to tell.",
    "words": "- **Measured on**: validation pictures, which the network does not learn from. Of "
    "ants and bees they are a folder of their own; of the other sets they are Headstart's "
    "validation and test pictures together. Each training keeps its best epoch, and that is "
    "chosen on the validation pictures, so every figure is a little too high, most of all from "
    "scratch, which varies most from epoch to epoch.\n"
    "- **The head start**: the better one of feature extraction and fine-tuning, which "
    "favours it a little.\n"
    "- **Nearest mean**: no training at all. Each picture is given to the class whose pictures "
    "look most alike to the backbone on average.",
    "command": "This command printed the figures. With folders of your own in place of those in "
    "it, it measures the same on your pictures.",
}

SIGNS = {
    "early": "Too early to tell",
    "unsteady": "The steps are too large",
    "stuck": "It is stuck",
    "memorising": "It memorises",
    "unfinished": "It was not finished",
    "learning": "It learns",
}

VALIDATING = {
    "precision": "Of the pictures that it gave this class, how many have it.",
    "recall": "Of the pictures that have this class, how many it gave it.",
    "f1": "One number for both, near the smaller of the two.",
    "classes": "A gap means that there is no such figure: nothing was given this class, or no "
    "picture has it.",
    "matrix": "Each row holds the pictures of one class, each column those that were given one. "
    "Blue is right, orange is not. **Click a number to see its pictures**, or choose the cell "
    "below.",
    "correcting": "Change what is wrong: a wrong class, or a picture of something else. Taking "
    "pictures out because they are hard makes the figure look better than the network is. These "
    "pictures stay as they are beside the new version, and so does this run.",
    "reliability": "On the dotted line it is right exactly as often as it says. Below it, it is "
    "too sure of itself. A larger mark stands for more pictures. What the temperature brings was "
    "measured on pictures that it was not fitted to.",
    "no mistakes": "It made no mistake, so there is nothing that would tell whether it is too "
    "sure.",
    "threshold": "Being sure is the share of the best class. A higher threshold means fewer "
    "answers and more of them right.",
    "no model": "The model of this run is gone, so what is found here cannot go into it; train the "
    "run again to have one.",
    "goals": "What these pictures suggest: ",
    "test": "These pictures were kept aside and asked once, when training had ended. Look at the "
    "figure once, when you have decided for a run: whoever chooses among runs by it has used the "
    "test pictures to learn, and it says nothing about new ones any more. The validation figure is "
    "for choosing, and a little too high for that reason.",
}

COMPARING = {
    "choose": "Tick at least two runs in the table to see them beside each other.",
    "one": "This is the only run so far. Train again with one thing changed, another recipe say; "
    "the two then stand beside each other here.",
    "compare": "Tick the runs to see beside each other below.",
    "note": "Double-click to write something down.",
    "range": "Where the share of right answers may as well lie, judged by so few pictures (95 %).",
    "no models": "At least two of the chosen runs need a model, so that their answers can be "
    "compared.",
    "none": "no validation pictures in common",
    "interval": "Where the true difference may as well lie (95 %). If 0 is in between, it may be "
    "none.",
    "luck": "Both runs answered the very same pictures, so only those count that one of them got "
    "right and the other did not (McNemar's exact test). *More than luck* means that equally good "
    "runs would differ this much less than 5 times in 100. Among many runs one is ahead by luck, "
    "so train the best one again with another seed before you trust it.",
}

EXPLAINING = {
    # What a screen reader says of a picture that is drawn.
    "alt seen": "The part of the picture that the network sees",
    "alt heat": "The same picture, with the places that speak for the class drawn bright",
    "alt covered": "The same picture, with the places bright whose covering cost the class most",
    "alt numbers": "The stage's numbers as squares, bright where they are large",
    "alt mean": "The picture as this stage sees it on average, bright where it answers",
    "alt strongest": "The same picture in the channels that answer most",
    "alt filters": "The first filters of the network, each a small coloured square",
    "choose": "Choose what to look at. It is computed when you ask for it, and the page stays "
    "usable meanwhile.",
    "attention": "Bright places speak most for this class (Grad-CAM, Selvaraju 2017). It tells "
    "where the network looked, and not what it saw there; and no finer than the last map, whose "
    "cells are often a seventh of the picture wide.",
    "nothing": "No place speaks for this class: what the network sees here speaks against it, or "
    "for something else.",
    "covering": "A grey patch covered one place after another; bright is where the class lost most "
    "when it was covered (occlusion, Zeiler and Fergus 2014). It needs no look inside the network, "
    "so it can check the other picture. It cannot tell when two places can stand in for each "
    "other.",
    "cover": "Covers 81 places one after another and asks the network each time: a second for a "
    "small network, half a minute for a large one.",
    "stage": "Bright is where a channel answers. The first stages answer to edges and colours, "
    "later ones to parts and objects, ever more coarsely. What a channel looks for cannot be read "
    "off one picture: only what it answered to here.",
    "vector": "No place is left in what this stage hands on: it is a list of numbers about the "
    "whole picture, each one a square here, bright where it is large. Which number stands for "
    "what, nobody has told the network or you.",
    "filters": "What the very first filters look for in the picture itself: edges, stripes and "
    "spots of colour. They look much alike in all networks that saw many photos, which is why they "
    "can be reused; in one that started from scratch on few pictures they look like noise. What "
    "later stages look for cannot be drawn this way.",
    "map": "Each point is a picture, and near points look alike to the network. Full marks are "
    "validation pictures, hollow ones are those that it learned from. **Click a point to see its "
    "picture**, or choose it below.",
    "tsne": "t-SNE (van der Maaten and Hinton 2008) keeps neighbours together. It cannot tell how "
    "far groups are from each other, nor how wide they are: it stretches both.",
    "pca": "Principal components are the two directions in which the pictures differ most. "
    "Distances are true along them, and everything else is left out: {shown} of the differences "
    "are seen here.",
    "moved": "How far the weights of each stage are from where they began, as a share of their "
    "length. It cannot tell what a change was good for: a small one in an early stage reaches "
    "everything after it.",
    "moved unknown": "How far its stages moved was not noted: it was trained by an earlier version "
    "of Headstart, or the weights it began with were gone at its end. Train once more to see it.",
}

# Why an answer is better not believed: what the card says instead of a class, and why.
DOUBTED: Mapping[Doubt, tuple[str, str]] = {
    "unsure": (
        "I don't know this one",
        "Its best guess has a smaller share than the threshold that was set for this model.",
    ),
    "strange": (
        "Not like anything I was taught",
        "What the last stage makes of this picture lies further from the training pictures than "
        "95 of 100 pictures that were kept aside to check with. So about 1 in 20 ordinary pictures "
        "is doubted too, and some strange ones are not noticed.",
    ),
}

EXPORTS = {
    "choose": "The model can leave this app in three forms.",
    "bundle": "One file with the network's numbers, its classes, its figures and a card to read. "
    "Whoever has Headstart opens it on this page or in the terminal.",
    "onnx": "ONNX is a format that phones, browsers and other programming languages can run. The "
    "file is offered once it has given the same answers as the model here.",
    "script": "What your clicks did, as a Python program that needs PyTorch and torchvision and "
    "nothing of Headstart: to read, to learn from, to change.",
    "training": "This trains the run again, from a folder with the same photos.",
    "predicting": "This predicts with the model's file. What would train it again needs the run "
    "and its pictures, and they are where it was made.",
}
