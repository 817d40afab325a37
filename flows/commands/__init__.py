"""The commands of `reelhouse`, a module per group of users; `flows.cli` puts them together."""
