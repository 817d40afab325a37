"""One file for each modality: how it is fitted, loaded and explained."""
