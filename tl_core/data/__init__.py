"""From a folder, a zip or a camera to pixels: intake, opener, split, cache, augmentation."""
